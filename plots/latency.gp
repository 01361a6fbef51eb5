# Latency by percentile on the axis that hgrm files use: equal steps from 90 to
# 99 to 99.9 percent. Blocks of the data: alloc of each engine, then free of
# each (percent, -log10(1 - percent / 100), nanoseconds).
set tmargin at screen 0.80
set bmargin at screen 0.155
set logscale y 10
set grid ytics xtics ls 21
set xrange [0:x_max]
set yrange [y_min:y_max]
set xlabel 'percentile' offset 0, 0.3
set xtics ('0' 0, '90' 1, '99' 2, '99.9' 3, '99.99' 4, '99.999' 5, \
	'99.9999' 6, '99.99999' 7) font ',9'
if (quantum_y > y_min) {
	set object 1 rectangle from graph 0, first y_min to graph 1, \
		first quantum_y back fillstyle solid 1 noborder \
		fillcolor rgb '#ececec'
}
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
		font subtitle_font textcolor rgb '#505050' noenhanced
	set label 103 foot_text at screen 0.02, screen 0.025 left font ',8' \
		textcolor rgb '#606060' noenhanced
	set label 110 'allocate' at graph 0, graph 1.05 left font ',12'
	set label 111 clock_text at graph 0.985, graph 0.03 right \
		font ',8' textcolor rgb '#606060' noenhanced
	set lmargin at screen 0.095
	set rmargin at screen 0.455
	set label 104 y_text at screen 0.022, screen 0.48 center \
		rotate by 90 noenhanced
	set ytics ()
	do for [t in log_tics] { set ytics add (gprintf('%.0s%c', t+0) t+0) }
	unset label 130
	do for [i=1:series_n] { unset label 200+i }
	plot for [i=1:series_n] base.'.dat' index i-1 using 2:3 \
		with lines ls series_ls[i]
	unset label 101
	unset label 102
	unset label 103
	unset label 111
	unset label 104
	set ytics ()
	do for [t in log_tics] { set ytics add ('' t+0) }
	set label 110 'free' at graph 0, graph 1.05 left font ',12'
	do for [i=1:label_n] {
		set label 200+i label_text[i] at graph 1.03, graph label_y[i] \
			left font ',10' noenhanced textcolor ls label_ls[i]
	}
	set lmargin at screen 0.485
	set rmargin at screen 0.845
	plot for [i=1:series_n] base.'.dat' index series_n+i-1 using 2:3 \
		with lines ls series_ls[i]
	unset multiplot
	do for [i=1:label_n] { unset label 200+i }
	unset output
}
