# shellcheck shell=dash
# Lines of a zoneinfo with numbers that a kernel computes from the layout: what
# a model must have in common with it.
figures() {
	grep -E '^Node|^ +(min|low|high|spanned|present|managed|cma) |protection:|start_pfn:|^ +(cpu|high|batch):|vm stats threshold' "$1"
}
