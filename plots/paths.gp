# Which way allocations went: a bar a workload, its parts from left to right.
# Lines of the data: row, where each of four parts ends, percent of the last
# three.
set lmargin at screen 0.155
set rmargin at screen 0.80
set tmargin at screen 0.80
set bmargin at screen 0.155
n = words(words_text)
set xlabel x_text offset 0, 0.3 noenhanced
set xrange [0:100]
set yrange [n-0.4:-0.6]
set ytics ()
set tics scale 0
unset grid
set border 1 ls 22
do for [i=1:n] { set ytics add (word(words_text, i) i-1) }
array part_text[4]
array part_color[4]
part_text[1] = 'fast path'
part_text[2] = 'slow path: CPU refilled'
part_text[3] = 'slow path: partial slab'
part_text[4] = 'new slab'
part_color[1] = '#cfe3f2'
part_color[2] = '#56b4e9'
part_color[3] = '#0072b2'
part_color[4] = '#d55e00'
do for [i=1:4] {
	x = 0.157 + 0.21 * (i - 1) - 0.08 * (i > 1)
	set object 400+i rectangle from screen x, screen 0.84 to \
		screen x + 0.018, screen 0.864 \
		fillcolor rgb part_color[i] fillstyle solid 1 border lt -1
	set label 400+i part_text[i] at screen x + 0.024, screen 0.852 left \
		font ',10' noenhanced
}
set label 410 'slow | partial | new, %' at graph 1.02, graph 1.03 left \
	font ',9' textcolor rgb '#505050' noenhanced
share(x) = x == 0 ? '0' : x < 0.01 ? '<0.01' : \
	x < 10 ? sprintf('%.2g', x) : sprintf('%.0f', x)
shares(a, b, c) = share(a).' | '.share(b).' | '.share(c)
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
	plot base.'.dat' using (0):1:(0):2:($1-0.36):($1+0.36) with \
			boxxyerror fillstyle solid 1 border lc rgb '#404040' \
			fillcolor rgb part_color[1], \
		for [i=2:4] '' using (0):1:(column(i)):(column(i+1)):\
			($1-0.36):($1+0.36) with boxxyerror fillstyle solid 1 \
			border lc rgb '#404040' fillcolor rgb part_color[i], \
		'' using (100):1:(shares($6, $7, $8)) with labels left \
			offset 1.2, 0 font ',9' noenhanced
	unset output
}
