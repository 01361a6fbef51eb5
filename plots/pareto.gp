# Memory against speed, a point an engine. Blocks of the data: one per engine
# (x, y, x low, x high, y low, y high, name), then the line of those that nobody
# beats in both.
set lmargin at screen 0.095
set rmargin at screen 0.815
set tmargin at screen 0.855
set bmargin at screen 0.155
set xlabel x_text offset 0, 0.3 noenhanced
set xrange [0:x_max]
set yrange [y_min:y_max]
do for [i=1:label_n] {
	set label 200+i label_text[i] at graph 1.02, graph label_y[i] left \
		font ',10' noenhanced textcolor ls label_ls[i]
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
	plot base.'.dat' index series_n using 1:2 with fsteps ls 20, \
		for [i=1:series_n] base.'.dat' index i-1 \
			using 1:2:3:4:5:6 with xyerrorbars ls series_ls[i] \
			dt 1 lw 1
	unset output
}
