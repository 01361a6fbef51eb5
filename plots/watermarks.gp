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
