# Share of remote frames over time, allocations left, frees right. Blocks of
# the data: allocations of each engine, then frees of each (milliseconds, share).
set tmargin at screen 0.80
set bmargin at screen 0.155
set grid ytics ls 21
set xrange [x_min:x_max]
set yrange [-0.02:1.02]
set xlabel x_text offset 0, 0.3 noenhanced
do for [pass=1:2] {
	if (pass == 1) {
		set terminal svg size chart_w,chart_h dynamic noenhanced \
			font 'DejaVu Sans,11' background rgb 'white'
		set output base.'.svg'
	} else {
		set terminal pngcairo size 2*chart_w,2*chart_h noenhanced \
			font 'DejaVu Sans,11' fontscale 2 linewidth 2 \
			pointscale 2 background rgb 'white'
		set output base.'.png'
	}
	set multiplot
	set label 101 title_text at screen 0.02, screen 0.958 left \
		font title_font noenhanced
	set label 102 subtitle_text at screen 0.02, screen 0.908 left \
		font ',10' textcolor rgb '#505050' noenhanced
	set label 103 foot_text at screen 0.02, screen 0.025 left font ',8' \
		textcolor rgb '#606060' noenhanced
	set label 104 y_text at screen 0.022, screen 0.48 center \
		rotate by 90 noenhanced
	set label 110 'allocations' at graph 0, graph 1.05 left font ',12'
	set format y '%g'
	set lmargin at screen 0.095
	set rmargin at screen 0.455
	do for [i=1:label_n] { unset label 200+i }
	plot for [i=1:series_n] base.'.dat' index i-1 using 1:2 \
		with linespoints ls series_ls[i] ps 0.5
	unset label 101
	unset label 102
	unset label 103
	unset label 104
	set format y ''
	set label 110 'frees' at graph 0, graph 1.05 left font ',12'
	do for [i=1:label_n] {
		set label 200+i label_text[i] at graph 1.03, graph label_y[i] \
			left font ',10' noenhanced textcolor ls label_ls[i]
	}
	set lmargin at screen 0.485
	set rmargin at screen 0.845
	plot for [i=1:series_n] base.'.dat' index series_n+i-1 using 1:2 \
		with linespoints ls series_ls[i] ps 0.5
	unset multiplot
	do for [i=1:label_n] { unset label 200+i }
	unset output
}
