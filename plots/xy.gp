# Lines over one axis: throughput by threads, cost by order and by what is
# outstanding. Blocks of the data: one per engine (x, median, low end, high
# end, linear ideal, repetitions), then for each its cells without a number.
set lmargin at screen 0.095
set rmargin at screen 0.815
set tmargin at screen 0.855
set bmargin at screen 0.155 + 0.035 * two_lines
set xlabel x_text offset 0, 0.3 - 0.8 * two_lines noenhanced
if (log_x) { set logscale x 2 }
if (log_y) {
	set logscale y 10
	set ytics ()
	do for [t in log_tics] { set ytics add (t t+0) }
}
set xrange [x_min:x_max]
set yrange [y_min:y_max]
do for [i=1:label_n] {
	set label 200+i label_text[i] at graph 1.02, graph label_y[i] left \
		font ',10' noenhanced textcolor ls label_ls[i]
}
do for [i=1:floor_n] {
	set arrow 300+i from graph 0, first floor_y[i] to graph 1, \
		first floor_y[i] nohead ls 20 back
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
	plot for [i=1:series_n] base.'.dat' index i-1 using 1:3:4 \
			with filledcurves ls series_ls[i] \
			fillstyle transparent solid 0.16 noborder, \
		for [i=1:series_n*ideal] base.'.dat' index i-1 using 1:5 \
			with lines ls 20, \
		for [i=1:series_n*points] base.'.dat' index i-1 \
			using 1:2:3:4 with yerrorbars ls series_ls[i] dt 1 \
			lw 1 pt 0, \
		for [i=1:series_n*points] base.'.dat' index i-1 using 1:2 \
			with linespoints ls series_ls[i], \
		for [i=1:series_n*(1-points)] base.'.dat' index i-1 using 1:2 \
			with lines ls series_ls[i], \
		for [i=1:series_n*(missing_n>0)] base.'.dat' \
			index series_n+i-1 using 1:2:3:4:5:6 with boxxyerror \
			ls series_ls[i] dt 1 lw 1 fillstyle pattern 4 border
	unset output
}
