# shellcheck shell=bash
# What the test scripts share: counts, a folder that is removed at the end, and
# the closing line.
passed=0 failed=0 skipped=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

pass() {
	passed=$((passed + 1))
}

fail() {
	failed=$((failed + 1))
	printf 'FAIL: %s\n' "$*"
}

skip() {
	skipped=$((skipped + 1))
	printf 'skip: %s\n' "$*"
}

# expect WHAT COMMAND...: passes where the command succeeds.
expect() {
	local what=$1
	shift

	if "$@"; then
		pass
	else
		fail "$what"
	fi
}

# Prints the counts; the script's exit status.
finish() {
	if [ "$skipped" -gt 0 ]; then
		echo "$passed passed, $failed failed, $skipped skipped"
	else
		echo "$passed passed, $failed failed"
	fi
	[ "$failed" -eq 0 ] && [ $((passed + skipped)) -gt 0 ]
}
