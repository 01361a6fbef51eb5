# Draw again: gnuplot watermarks-pagecache-rcu.gp, in this folder.
base = 'watermarks-pagecache-rcu'
title_text = 'pagecache, rcu: free memory and latency   [synthetic topology: not NUMA latency]'
subtitle_text = '1 thread; zone DMA32 of node 0, one repetition'
foot_text = 'AMD EPYC   |   commit 5a5eac7761b9   |   2 repetitions   |   run pressure-20261122T183405Z'
x_text = 'latency window, ms'
y_text = ''
x_min = 0
x_max = 990.121308
y_min = 10
y_max = 100000000
c_max = 15
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
words_text = ''
panel_n = 2
array panel_text[2]
array panel_low[2]
array panel_high[2]
panel_text[1] = 'with kswapd'
panel_low[1] = 0
panel_high[1] = 0
panel_text[2] = 'direct reclaim alone'
panel_low[2] = 0
panel_high[2] = 0
log_tics = '10 100 1000 10000 100000 1000000 10000000 100000000 '

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

# Free memory against the marks, and below on the same axis what an allocation
# took. Blocks of the data, five a column: (ms, free, min, low, high in MiB),
# (from, to) of kswapd awake, (ms) of direct reclaim, (ms) of OOM, and
# (ms, p50, p99, max in ns).
chart_h = 620
set xrange [0:x_max]
array left_at[2] = [0.1, 0.48]
panel_w = panel_n == 1 ? 0.72 : 0.355
grey = '#606060'
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
	do for [i=1:panel_n] {
		set lmargin at screen left_at[i]
		set rmargin at screen left_at[i] + panel_w
		first_block = 5 * (i - 1)
		# free memory
		set tmargin at screen 0.82
		set bmargin at screen 0.47
		unset logscale y
		set yrange [0:c_max]
		set xlabel ''
		set format x ''
		set ytics autofreq
		set format y (i == 1 ? '%g' : '')
		if (i == 1) {
			set label 101 title_text at screen 0.02, screen 0.958 \
				left font title_font noenhanced
			set label 102 subtitle_text at screen 0.02, \
				screen 0.915 left font subtitle_font \
				textcolor rgb '#505050' noenhanced
			set label 103 foot_text at screen 0.02, screen 0.02 \
				left font ',8' textcolor rgb grey noenhanced
			set label 104 'free, MiB' at screen 0.018, \
				screen 0.645 center rotate by 90
			set label 105 'allocation, ns' at screen 0.018, \
				screen 0.28 center rotate by 90
			set label 106 x_text at screen 0.1 + 0.5 * (panel_n \
				== 1 ? panel_w : 0.735), screen 0.06 center \
				noenhanced
			key_x = panel_n == 1 ? 0.835 : 0.845
			set label 120 'free' at screen key_x, screen 0.80 \
				left font ',10' textcolor rgb '#1f6f9f'
			set label 121 'high' at screen key_x, screen 0.765 \
				left font ',10' textcolor rgb '#2e8b57'
			set label 122 'low' at screen key_x, screen 0.73 \
				left font ',10' textcolor rgb '#c08000'
			set label 123 'min' at screen key_x, screen 0.695 \
				left font ',10' textcolor rgb '#b03060'
			set label 124 '█ kswapd awake' at screen key_x, \
				screen 0.645 left font ',10' \
				textcolor rgb '#9dbfd6'
			set label 125 '| direct reclaim' at screen key_x, \
				screen 0.61 left font ',10' \
				textcolor rgb '#b03060'
			set label 126 '▼ OOM' at screen key_x, screen 0.575 \
				left font ',10' textcolor rgb 'black'
			set label 127 'max' at screen key_x, screen 0.40 \
				left font ',10' textcolor rgb '#a0a0a0'
			set label 128 'p99' at screen key_x, screen 0.365 \
				left font ',10' textcolor rgb '#b03060'
			set label 129 'median' at screen key_x, screen 0.33 \
				left font ',10' textcolor rgb '#1f6f9f'
		} else {
			do for [k=101:106] { unset label k }
			do for [k=120:129] { unset label k }
		}
		set label 110 panel_text[i] at graph 0, graph 1.06 left \
			font ',12' noenhanced
		plot base.'.dat' index first_block+1 \
				using (($1+$2)/2):(c_max/2):1:2:(0):(c_max) \
				with boxxyerror fillstyle solid 1 noborder \
				lc rgb '#d6e6f0', \
			'' index first_block+2 using 1:(0.93*c_max):(0):\
				(0.07*c_max) with vectors nohead lw 0.8 \
				lc rgb '#b03060', \
			'' index first_block+3 using 1:(0.90*c_max) \
				with points pt 11 ps 1.2 lc rgb 'black', \
			'' index first_block using 1:5 with lines lw 1.2 \
				dt (10,4) lc rgb '#2e8b57', \
			'' index first_block using 1:4 with lines lw 1.2 \
				dt (6,4) lc rgb '#c08000', \
			'' index first_block using 1:3 with lines lw 1.2 \
				dt (3,3) lc rgb '#b03060', \
			'' index first_block using 1:2 with lines lw 2 \
				lc rgb '#1f6f9f'
		do for [k=101:106] { unset label k }
		do for [k=120:129] { unset label k }
		unset label 110
		# latency
		set tmargin at screen 0.43
		set bmargin at screen 0.13
		set logscale y 10
		set yrange [y_min:y_max]
		set format x '%g'
		set ytics ()
		do for [t in log_tics] {
			set ytics add ((i == 1 ? gprintf('%.0s%c', t+0) : '') \
				t+0)
		}
		plot base.'.dat' index first_block+1 \
				using (($1+$2)/2):(sqrt(y_min*y_max)):1:2:\
				(y_min):(y_max) with boxxyerror fillstyle \
				solid 1 noborder lc rgb '#d6e6f0', \
			'' index first_block+4 using 1:4 with lines lw 1 \
				lc rgb '#a0a0a0', \
			'' index first_block+4 using 1:2 with lines lw 1.5 \
				lc rgb '#1f6f9f', \
			'' index first_block+4 using 1:3 with linespoints \
				lw 1.5 pt 7 ps 0.4 lc rgb '#b03060'
	}
	unset multiplot
	unset output
}
