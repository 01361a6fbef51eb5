# p99 of an allocation per engine, with kswapd and with direct reclaim alone.
# Blocks of the data: with kswapd, without (engine, median, least, greatest),
# and between the two how many times one is the other (engine, place, with,
# without, text).
set lmargin at screen 0.095
set rmargin at screen 0.815
set tmargin at screen 0.855
set bmargin at screen 0.12
set logscale y 10
set ytics ()
do for [t in log_tics] { set ytics add (gprintf('%.0s%c', t+0) t+0) }
set xrange [x_min:x_max]
set yrange [y_min:y_max]
set label 201 'direct reclaim alone' at graph 1.02, graph 0.93 left \
	font ',10' textcolor rgb '#b03060'
set label 202 'with kswapd' at graph 1.02, graph 0.87 left font ',10' \
	textcolor rgb '#1f6f9f'
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
	plot base.'.dat' index 2 using 1:3:(0):($4-$3) with vectors nohead \
			lw 1 dt (3,3) lc rgb '#b0b0b0', \
		'' index 1 using 1:2:3:4 with yerrorbars lc rgb '#b03060' \
			lw 1.5 pt 5 ps 1.4, \
		'' index 0 using 1:2:3:4 with yerrorbars lc rgb '#1f6f9f' \
			lw 1.5 pt 7 ps 1.4, \
		'' index 2 using 1:2:5 with labels left offset 1, 0 \
			font ',12' textcolor rgb '#404040'
	unset output
}
