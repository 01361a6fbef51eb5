# Draw again: gnuplot latency-pagecache.gp, in this folder.
base = 'latency-pagecache'
title_text = 'pagecache: latency by percentile   [synthetic topology: not NUMA latency]'
subtitle_text = '1 thread, kswapd on; a line ends where fewer than ten samples lie beyond'
foot_text = 'AMD EPYC   |   commit 5a5eac7761b9   |   12 repetitions   |   run pressure-20261122T183405Z'
x_text = ''
y_text = 'latency, ns'
x_min = 0
x_max = 4.3026
y_min = 6
y_max = 15000000
c_max = 0
log_x = 0
log_y = 1
ideal = 0
points = 1
two_lines = 0
quantum_y = 10.019
clock_text = 'clock quantum 10 ns'
label_n = 0
array label_text[1]
array label_y[1]
array label_ls[1]
series_n = 4
missing_n = 0
array series_ls[4]
series_ls[1] = 4
series_ls[2] = 1
series_ls[3] = 2
series_ls[4] = 3
floor_n = 0
array floor_y[1]
log_tics = '10 100 1000 10000 100000 1000000 10000000 '

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
