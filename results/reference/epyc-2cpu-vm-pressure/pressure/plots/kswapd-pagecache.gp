# Draw again: gnuplot kswapd-pagecache.gp, in this folder.
base = 'kswapd-pagecache'
title_text = 'pagecache: with kswapd and without   [synthetic topology: not NUMA latency]'
subtitle_text = 'median of 3 repetitions, bars from the least to the greatest; ×: direct reclaim alone / kswapd'
foot_text = 'AMD EPYC   |   commit 5a5eac7761b9   |   3 repetitions   |   run pressure-20261122T183405Z'
x_text = ''
y_text = 'p99 of an order-0 allocation, ns'
x_min = -0.5
x_max = 3.5
y_min = 100
y_max = 1000000
c_max = 0
log_x = 0
log_y = 1
ideal = 0
points = 1
two_lines = 0
quantum_y = 0
clock_text = 'clock quantum 0 ns'
label_n = 0
array label_text[1]
array label_y[1]
array label_ls[1]
series_n = 0
missing_n = 0
array series_ls[1]
floor_n = 0
array floor_y[1]
set xtics ("zonelock" 0, "pcp" 1, "pcp_rseq" 2, "rcu" 3)
log_tics = '100 1000 10000 100000 1000000 '

# The look of every chart; copied into each script, so that a script needs only
# the data beside it. The lines above this one set:
#   base                    name of the chart's files
#   title_text subtitle_text foot_text x_text y_text
# Colours are those of Okabe and Ito (gnuplot's podo); dashes and points differ
# as well, so that a chart can be read in grey.
set encoding utf8
set colorsequence podo
set style line 1 lt 6 lw 2 dt 1 pt 7 ps 0.9
set style line 2 lt 7 lw 2 dt (10,4) pt 5 ps 0.9
set style line 3 lt 4 lw 2 dt (3,3) pt 9 ps 1.1
set style line 4 lt 2 lw 2 dt (10,3,2,3) pt 13 ps 1.1
set style line 5 lt 8 lw 2 dt (14,3) pt 11 ps 1.1
set style line 6 lt 1 lw 2 dt (5,3,5,3,1,3) pt 6 ps 1.0
set style line 7 lt 3 lw 2 dt (2,6) pt 4 ps 1.0
set style line 8 lt 5 lw 2 dt (6,6) pt 8 ps 1.1
set style line 20 lc rgb '#606060' lw 1.2 dt (3,6)
set style line 21 lc rgb '#e4e4e4' lw 0.6 dt 1
set style line 22 lc rgb '#404040' lw 1 dt 1

chart_w = 900
chart_h = 560
set datafile separator whitespace
set datafile missing '?'
set border 3 ls 22
set tics out nomirror scale 0.6
set grid ytics ls 21
set key off
# long ones in smaller print, so that their ends stay on the page
title_font = strlen(title_text) > 76 ? ',13' : ',16'
subtitle_font = strlen(subtitle_text) > 112 ? ',8.5' : ',10'
set label 101 title_text at screen 0.02, screen 0.958 left font title_font noenhanced
set label 102 subtitle_text at screen 0.02, screen 0.908 left font subtitle_font \
	textcolor rgb '#505050' noenhanced
set label 103 foot_text at screen 0.02, screen 0.025 left font ',8' \
	textcolor rgb '#606060' noenhanced
set label 104 y_text at screen 0.022, screen 0.5 center rotate by 90 noenhanced

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
