#!/bin/bash
# Runs a command inside a small QEMU guest that has the NUMA nodes asked for,
# emulated in software, and ends with the command's exit status. The guest is a
# Debian kernel with busybox, the files that were named and their libraries.
#
#   numa-vm.sh OPTION... -- COMMAND [ARGUMENT...]
#
#   --node SIZE:CPUS    a node, once for each, numbered from 0: memory as 256M
#                       or 1G, CPUs as 0-1,4; either may be empty (no memory,
#                       no CPU). At least one node has CPUs, one has memory.
#   --distance A,B,D    distance from node A to B and back; without: 20
#   --plug SIZE:NODE    memory that the node gets after boot; its --node has none
#   --smt N             N CPUs of consecutive numbers are threads of one core
#   --file SRC[:DST]    copies a file of this host and the libraries that it
#                       needs; DST: absolute, without it the same path
#   --out DIR           the guest's folder /out comes back as DIR (a new one)
#   --console FILE      keeps what the guest's kernel says
#   --append TEXT       more for the kernel's command line
#   --kernel FILE       another kernel than Debian's for cloud machines
#   --limit SECONDS     for the guest as a whole; without: 120
#
# What the command prints comes out on standard output. Programs in the guest:
# busybox and what --file brought; the command is looked up there. Its exit
# status is 124 past the limit, 125 where the guest ended without a status, 77
# where QEMU or a kernel cannot be had, which one line tells.
#
# The kernel is fetched once with `apt-get download` and unpacked, never
# installed, into ${XDG_CACHE_HOME:-~/.cache}/zonebench.
set -u -o pipefail

say() {
	printf 'numa-vm.sh: %s\n' "$*" >&2
}

die() {
	say "$@"
	exit 125
}

usage() {
	say "$@"
	sed -n '/^#   numa-vm.sh/,/^# What/p' "$0" | sed '$d; s/^# \{0,1\}//' >&2
	exit 2
}

# What is missing cannot be had: the caller skips, and says so.
cannot() {
	say "cannot be had: $*"
	exit 77
}

nodes=() distances=() plugs=() files=()
smt=1 cpu_model=max out='' console='' append='' kernel='' limit=120

while [ $# -gt 0 ]; do
	case $1 in
	--) shift && break ;;
	--*) [ $# -ge 2 ] || usage "$1: expected a value" ;;
	*) break ;;
	esac
	case $1 in
	--node) nodes+=("$2") ;;
	--distance) distances+=("$2") ;;
	--plug) plugs+=("$2") ;;
	--smt) smt=$2 ;;
	--file) files+=("$2") ;;
	--out) out=$2 ;;
	--console) console=$2 ;;
	--append) append=$2 ;;
	--kernel) kernel=$2 ;;
	--limit) limit=$2 ;;
	*) usage "unknown option $1" ;;
	esac
	shift 2
done
[ $# -ge 1 ] || usage "expected a command"
[ ${#nodes[@]} -ge 1 ] || usage "expected at least one --node"
[[ $limit =~ ^[1-9][0-9]*$ ]] || usage "--limit $limit: expected seconds"
[[ $smt =~ ^[1-9][0-9]*$ ]] || usage "--smt $smt: expected a number"
[ -z "$out" ] || [ ! -e "$out" ] || usage "--out $out: expected a new folder"

tmp=$(mktemp -d) || die "no folder for the guest's files"
qemu_pid=
# shellcheck disable=SC2317 # called by the trap
clean_up() {
	[ -z "$qemu_pid" ] || kill "$qemu_pid" 2> /dev/null
	rm -rf "$tmp"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

find_programs() {
	local program

	for program in qemu-system-x86_64 cpio busybox; do
		command -v "$program" > /dev/null ||
			cannot "$program (scripts/install-deps.sh numa)"
	done
	# The guest has no loader before busybox is there.
	! ldd "$(command -v busybox)" > /dev/null 2>&1 ||
		cannot "a static busybox (scripts/install-deps.sh numa)"
}

# Name of the package with the kernel itself: the one without a number only
# refers to it.
kernel_package() {
	apt-cache depends linux-image-cloud-amd64 2> /dev/null |
		sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}

# Sets kernel: the newest that is kept, else one fetched now.
find_kernel() {
	local cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/zonebench package

	if [ -n "$kernel" ]; then
		[ -r "$kernel" ] || die "--kernel $kernel: cannot be read"
		return
	fi
	mkdir -p "$cache" || die "$cache: cannot be made"
	kernel=$(find "$cache" -name 'vmlinuz-*' | sort -V | tail -n 1)
	[ -z "$kernel" ] || return
	command -v apt-get > /dev/null ||
		cannot "a kernel: no apt-get here; give one with --kernel"
	package=$(kernel_package)
	[ -n "$package" ] ||
		cannot "a kernel: no package linux-image-cloud-amd64; apt-get update?"
	mkdir "$tmp/kernel" || die "$tmp: cannot be written"
	(cd "$tmp/kernel" && apt-get -qq download "$package" && dpkg -x ./*.deb .) \
		> "$tmp/download" 2>&1 ||
		cannot "a kernel: apt-get download $package: $(tail -n 1 "$tmp/download")"
	# Renamed, so that another run of this script finds all or nothing.
	for kernel in "$tmp"/kernel/boot/vmlinuz-*; do
		{ cp "$kernel" "$cache/.$$" && mv "$cache/.$$" "$cache/${kernel##*/}"; } ||
			die "$cache: cannot be written"
	done
	kernel=$cache/${kernel##*/}
}

# Paths of the libraries of a program, with the loader.
libraries_of() {
	ldd "$1" 2> /dev/null |
		sed -n -e 's/.* => \(\/[^ ]*\) .*/\1/p' -e 's/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p'
}

put() {
	{ mkdir -p "$(dirname "$tmp/root$2")" && cp -L "$1" "$tmp/root$2"; } ||
		die "$1: cannot be copied"
}

# The first process. /out goes back as one archive whose last member is the
# status: with a status it is whole.
write_init() {
	cat > "$tmp/root/init" << 'EOI'
#!/bin/sh
/bin/busybox --install -s /bin
export PATH=/bin:/usr/bin HOME=/tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
chmod 1777 /tmp
for tty in 1 2; do
	stty -F /dev/ttyS$tty raw -echo
done
cd /
sh /etc/command < /dev/null > /dev/ttyS1 2>&1
echo $? > /status
tar -c out status | gzip -1 > /dev/ttyS2
poweroff -f
EOI
	printf '%q ' exec "$@" > "$tmp/root/etc/command"
	chmod +x "$tmp/root/init"
}

make_root() {
	local file library to

	mkdir -p "$tmp"/root/{bin,dev,etc,out,proc,sys,tmp} || die "$tmp: cannot be written"
	put "$(command -v busybox)" /bin/busybox
	ln -s busybox "$tmp/root/bin/sh"
	for file in "${files[@]}"; do
		to=${file#*:} file=${file%%:*}
		[ "${to#/}" != "$to" ] || to=$(realpath "$file")
		put "$file" "$to"
		for library in $(libraries_of "$file"); do
			put "$library" "$library"
		done
	done
	write_init "$@"
	(cd "$tmp/root" && find . | cpio -o -H newc -R 0:0 --quiet | gzip -1) > "$tmp/initrd" ||
		die "the guest's file system cannot be packed"
}

# "256M", "1G" in MiB.
mebibytes() {
	case $1 in
	*[0-9]G) echo $((${1%G} * 1024)) ;;
	*[0-9]M) echo "${1%M}" ;;
	*) return 1 ;;
	esac
}

# QEMU wants every pair or none: the ones that were not given are 20.
add_distances() {
	local -A known=()
	local d a b

	[ ${#distances[@]} -gt 0 ] || return 0
	for d in "${distances[@]}"; do
		[[ $d =~ ^([0-9]+),([0-9]+),([0-9]+)$ ]] ||
			usage "--distance $d: expected FROM,TO,DISTANCE"
		known[${BASH_REMATCH[1]},${BASH_REMATCH[2]}]=${BASH_REMATCH[3]}
	done
	for ((a = 0; a < $1; a++)); do
		for ((b = a + 1; b < $1; b++)); do
			d=${known[$a,$b]:-${known[$b,$a]:-20}}
			qemu+=(-numa "dist,src=$a,dst=$b,val=$d")
		done
	done
}

# Memory modules that the firmware does not tell of: the kernel finds them when
# it looks for what can be plugged.
add_plugs() {
	local plug i=0

	for plug in "${plugs[@]}"; do
		[[ $plug =~ ^[0-9]+[MG]:[0-9]+$ ]] ||
			usage "--plug $plug: expected SIZE:NODE such as 128M:2"
		qemu+=(-object "memory-backend-ram,id=p$i,size=${plug%:*}"
			-device "pc-dimm,id=d$i,memdev=p$i,node=${plug#*:}")
		i=$((i + 1))
	done
}

# Sets qemu: the options that make the machine.
make_machine() {
	local id=0 total=0 last=0 slots='' node cpu cpus size range

	qemu=()
	for node in "${nodes[@]}"; do
		[[ $node =~ ^([0-9]+[MG])?:([0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*)?$ ]] ||
			usage "--node $node: expected SIZE:CPUS such as 256M:0-1"
		cpus=${node#*:} node=${node%%:*}
		range=node,nodeid=$id
		for cpu in ${cpus//,/ }; do
			range=$range,cpus=$cpu
			[ "${cpu#*-}" -lt "$last" ] || last=${cpu#*-}
		done
		if [ -n "$node" ]; then
			size=$(mebibytes "$node")
			total=$((total + size))
			qemu+=(-object "memory-backend-ram,id=m$id,size=${size}M")
			range=$range,memdev=m$id
		fi
		qemu+=(-numa "$range")
		id=$((id + 1))
	done
	add_distances "$id"
	add_plugs
	# The one that QEMU gives by default has no threads of one core.
	[ "$smt" -eq 1 ] || cpu_model=max,vendor=GenuineIntel
	last=$((last + 1))
	[ ${#plugs[@]} -eq 0 ] || slots=,slots=${#plugs[@]},maxmem=$((total + 8192))M
	qemu+=(-m "${total}M$slots" -smp "$last,sockets=$((last / smt)),cores=1,threads=$smt")
}

# Leaves the guest's archive in $tmp/archive; status of QEMU under its limit.
boot() {
	timeout -k 5 "$limit" qemu-system-x86_64 -machine pc -accel tcg,thread=multi -cpu "$cpu_model" \
		"${qemu[@]}" -nodefaults -display none -no-reboot -monitor none \
		-kernel "$kernel" -initrd "$tmp/initrd" \
		-append "console=ttyS0,115200 loglevel=6 panic=-1 random.trust_cpu=on $append" \
		-serial "file:$tmp/console" -serial stdio -serial "file:$tmp/archive" \
		< /dev/null &
	qemu_pid=$!
	wait "$qemu_pid"
	status=$?
	qemu_pid=
}

find_programs
find_kernel
make_machine
make_root "$@"
boot
[ -z "$console" ] || cp "$tmp/console" "$console" || die "$console: cannot be written"
if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
	tail -n 5 "$tmp/console" >&2
	say "the guest did not end within $limit s"
	exit 124
fi
mkdir "$tmp/back"
if ! tar -C "$tmp/back" -xzf "$tmp/archive" 2> /dev/null || [ ! -s "$tmp/back/status" ]; then
	tail -n 20 "$tmp/console" >&2
	die "the guest ended without a status (QEMU: $status)"
fi
if [ -n "$out" ]; then
	{ mkdir -p "$(dirname "$out")" && cp -r "$tmp/back/out" "$out"; } ||
		die "$out: cannot be written"
fi
exit "$(cat "$tmp/back/status")"
