# Draw again: gnuplot throughput-obj-pair.gp, in this folder.
base = 'throughput-obj-pair'
title_text = 'obj_pair: throughput by threads   [synthetic topology: not NUMA latency]'
subtitle_text = 'median, band: 95 % confidence interval; dotted: linear'
foot_text = 'AMD EPYC   |   commit 24fe24431efa   |   378 repetitions   |   run slab-goals-20261123T042519Z'
x_text = 'threads'
y_text = 'million operations per second'
x_min = 0.94
x_max = 2.06
y_min = 1.84439018
y_max = 4000
c_max = 0
log_x = 0
log_y = 1
ideal = 1
points = 1
two_lines = 0
quantum_y = 0
clock_text = 'clock quantum 0 ns'
label_n = 9
array label_text[9]
array label_y[9]
array label_ls[9]
label_text[1] = 'slob'
label_y[1] = 0.0556
label_ls[1] = 8
label_text[2] = 'slab'
label_y[2] = 0.5683
label_ls[2] = 7
label_text[3] = 'malloc:glibc'
label_y[3] = 0.6416
label_ls[3] = 1
label_text[4] = 'malloc:mimalloc'
label_y[4] = 0.6936
label_ls[4] = 3
label_text[5] = 'malloc:jemalloc'
label_y[5] = 0.7456
label_ls[5] = 2
label_text[6] = 'sheaves'
label_y[6] = 0.7976
label_ls[6] = 6
label_text[7] = 'malloc:tcmalloc'
label_y[7] = 0.8496
label_ls[7] = 4
label_text[8] = 'slub'
label_y[8] = 0.9016
label_ls[8] = 9
label_text[9] = 'null'
label_y[9] = 0.9801
label_ls[9] = 5
series_n = 9
missing_n = 0
array series_ls[9]
series_ls[1] = 5
series_ls[2] = 7
series_ls[3] = 9
series_ls[4] = 6
series_ls[5] = 8
series_ls[6] = 1
series_ls[7] = 2
series_ls[8] = 3
series_ls[9] = 4
floor_n = 0
array floor_y[1]
set xtics ("1" 1, "2" 2)
log_tics = '10 100 1000 '

# The look of every chart; copied into each script, so that a script needs only
# the data beside it. The lines above this one set:
#   base                    name of the chart's files
#   title_text subtitle_text foot_text x_text y_text
# Colours are those of Okabe and Ito (gnuplot's podo), but for yellow, which is
# darker to be read on white; dashes and points differ as well, so that a chart
# can be read in grey.
set encoding utf8
set colorsequence podo
set style line 1 lt 6 lw 2 dt 1 pt 7 ps 0.9
set style line 2 lt 7 lw 2 dt (10,4) pt 5 ps 0.9
set style line 3 lt 4 lw 2 dt (3,3) pt 9 ps 1.1
set style line 4 lt 2 lw 2 dt (10,3,2,3) pt 13 ps 1.1
set style line 5 lt 8 lw 2 dt (14,3) pt 11 ps 1.1
set style line 6 lt 1 lw 2 dt (5,3,5,3,1,3) pt 6 ps 1.0
set style line 7 lt 3 lw 2 dt (2,6) pt 4 ps 1.0
set style line 8 lc rgb '#8f8700' lw 2 dt (6,6) pt 8 ps 1.1
set style line 9 lc rgb '#7a4b00' lw 2 dt (1,3) pt 12 ps 1.0
set style line 10 lc rgb '#707070' lw 2 dt (12,2,2,2,2,2) pt 10 ps 1.1
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
