# shellcheck shell=bash disable=SC2154,SC2120,SC2119 # rig_* come from common.sh; only "rig setup" gives an argument
# The image: a Debian kernel and root file system, made from packages by the apt sources this host is set up with.
#
# $rig_cache/<recipe>-<packages>/ holds one image:
#     vmlinux     the kernel, uncompressed: booting it saves the emulated processor the decompression
#     root.img    the root file system (ext4), never written to after it was made
#     release     kernel release
# <recipe> is a hash of the files that say how an image is made, <packages> one of the package versions that went in.
# "setup" wants both to be current; "run" is content with the newest image of the recipe, so that a security update
# in the middle of a day's work rebuilds nothing nobody asked for.

readonly rig_lib=$rig_dir/lib
readonly -a rig_host_packages=(qemu-system-x86 qemu-system-common mmdebstrap e2fsprogs kmod lz4 zstd xz-utils)

recipe_hash() {
	(cd "$rig_lib" && sha256sum image.sh packages guest/*) | sha256sum | cut -c1-12
}

guest_packages() {
	sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$rig_lib/packages"
}

# The kernel package that the metapackage stands for today
kernel_package() {
	apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n1
}

# packages_hash KERNEL: of what apt would install now
packages_hash() {
	guest_packages | xargs apt-cache policy "$1" | grep -E '^[^ ]|Candidate:' | sha256sum | cut -c1-12
}

# newest_image RECIPE: its directory, or nothing
newest_image() {
	local d newest=''
	for d in "$rig_cache/$1"-*/; do
		[[ -s $d/root.img && (-z $newest || $d -nt $newest) ]] && newest=$d
	done
	echo "${newest%/}"
}

# find_image: sets image to the directory of the one to boot; makes one if there is none
find_image() {
	image=$(newest_image "$(recipe_hash)")
	if [[ -z $image ]]; then
		rig_setup >&2
		image=$(newest_image "$(recipe_hash)")
	fi
}

apt_update() {
	[[ -z ${apt_updated-} ]] || return 0
	apt_updated=1
	apt-get update -qq || die "apt-get update failed"
}

host_packages() {
	local p missing=()
	for p in "${rig_host_packages[@]}"; do
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q ' installed' || missing+=("$p")
	done
	[[ ${#missing[@]} -gt 0 ]] || return 0
	say "installing ${missing[*]}"
	apt_update
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
		die "cannot install ${missing[*]}"
}

rig_setup() {
	local force='' kernel name builder started=$SECONDS
	[[ ${1-} = --force ]] && force=1
	need_root
	host_packages
	kernel=$(kernel_package)
	if [[ -z $kernel ]]; then
		apt_update
		kernel=$(kernel_package)
	fi
	[[ -n $kernel ]] || die "apt knows no linux-image-cloud-amd64: the rig needs a Debian host"
	mkdir -p "$rig_cache"
	# One build at a time; the second finds the first one's image.
	exec {rig_lock}>"$rig_cache/lock"
	flock "$rig_lock"
	name=$(recipe_hash)-$(packages_hash "$kernel")
	if [[ -z $force && -s $rig_cache/$name/root.img ]]; then
		say "up to date: $rig_cache/$name"
	else
		rm -rf --one-file-system "$rig_cache"/build.* # of a build that was killed
		# In a subshell, for its traps; in the background, for this shell to hear a signal at once.
		(build_image "$kernel" "$rig_cache/$name") &
		builder=$!
		trap 'kill "$builder" 2>/dev/null; wait; exit 130' HUP INT TERM
		wait "$builder" || die "the image was not built"
		trap - HUP INT TERM
		say "built in $((SECONDS - started)) s: $rig_cache/$name"
		forget_old_images
	fi
	exec {rig_lock}>&-
}

# Keep the newest few: other work trees may have other recipes.
forget_old_images() {
	local d
	while read -r d; do
		rm -rf "$d"
	done < <(find "$rig_cache" -mindepth 1 -maxdepth 1 -type d -name '*-*' -printf '%T@ %p\n' | sort -rn | tail -n +4 | cut -d' ' -f2-)
}

rig_clean() {
	[[ -d $rig_cache ]] || return 0
	exec {rig_lock}>"$rig_cache/lock"
	flock "$rig_lock"
	local d
	for d in "$rig_cache"/*/; do
		# Only what setup has put there, should the variable name somebody's home.
		[[ -e $d/root.img || $d = */build.*/ ]] && rm -rf --one-file-system "$d"
	done
	rm -f "$rig_cache/lock"
	rmdir --ignore-fail-on-non-empty "$rig_cache"
}

# build_image KERNEL DIR
build_image() {
	local kernel=$1 release=${1#linux-image-} b
	b=$(mktemp -d "$rig_cache/build.XXXXXX")
	child='' # what a signal has to kill
	# shellcheck disable=SC2064 # the value of now
	trap "build_end '$b'" EXIT
	trap 'exit 130' HUP INT TERM
	chmod 755 "$b"
	mkdir "$b/image"

	say "building the image for kernel $release"
	make_root "$b" && fetch_kernel "$kernel" "$b/kernel" || return
	vmlinux "$b/kernel/boot/vmlinuz-$release" "$b/image/vmlinux" || return
	cp -a "$b/kernel/lib/modules" "$b/root/usr/lib/" &&
		cp "$b/kernel/boot/vmlinuz-$release" "$b/root/boot/" &&
		cp "$b/image/vmlinux" "$b/root/boot/vmlinux-$release" &&
		ln -s "vmlinuz-$release" "$b/root/boot/vmlinuz" &&
		ln -s "vmlinux-$release" "$b/root/boot/vmlinux" &&
		depmod -b "$b/root" "$release" || return
	furnish_root "$b/root" || return

	truncate -s 6G "$b/image/root.img" &&
		mke2fs -q -t ext4 -O ^has_journal -m 0 -E lazy_itable_init=1,nodiscard,root_owner=0:0 -d "$b/root" "$b/image/root.img" || return
	echo "$release" >"$b/image/release"
	rm -rf "$2"
	mv "$b/image" "$2"
}

# build_end DIR
build_end() {
	trap '' HUP INT TERM
	[[ -z $child ]] || kill -KILL "$child" 2>/dev/null || :
	wait 2>/dev/null
	rm -rf --one-file-system "$1"
}

# fetch_kernel PACKAGE DIR: unpacked, not installed: its scripts have nothing to do here
fetch_kernel() {
	mkdir "$2" || return
	if ! (cd "$2" && apt-get download -qq -o APT::Sandbox::User=root "$1" 2>/dev/null); then
		apt_update # the list was older than the archive
		(cd "$2" && apt-get download -qq -o APT::Sandbox::User=root "$1") || return
	fi
	dpkg-deb -x "$2"/*.deb "$2" && rm "$2"/*.deb
}

# apt_sources: the Debian part of what apt is set up with on this host, in one-line form
apt_sources() {
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --format '$(ORIGIN) deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		sed -n 's/^Debian //p' | sort -u
}

# make_root DIR: mmdebstrap into DIR/root; and what a container's image of Debian is made of, as a tar file in it
make_root() {
	apt_sources >"$1/sources"
	[[ -s $1/sources ]] || { apt_update && apt_sources >"$1/sources"; }
	# How this host reaches its mirror: proxies, retries, clocks
	apt-config dump | grep -E '^Acquire::(https?|Check-|Retries|ForceIPv)' >"$1/apt.conf" || :
	bootstrap "$1" "$1/root" --variant=minbase --include="$(guest_packages | paste -sd,)" || return
	mkdir -p "$1/root/usr/share/rig" && bootstrap "$1" "$1/root/usr/share/rig/debian.tar" --variant=essential
}

# bootstrap DIR TARGET OPTION...
bootstrap() {
	local dir=$1 target=$2 drop=() p
	for p in doc man locale info lintian; do
		drop+=(--dpkgopt="path-exclude=/usr/share/$p/*")
	done
	# Namespaces of its own: its mounts cannot outlive it, nor a daemon that a package starts.
	unshare --mount --pid --ipc --uts --fork --kill-child --mount-proc \
		env TMPDIR="$dir" mmdebstrap --quiet --mode=root --aptopt="$dir/apt.conf" --dpkgopt=force-unsafe-io "${drop[@]}" \
		"${@:3}" '' "$target" - <"$dir/sources" 2>"$dir/log" &
	child=$!
	wait "$child" || {
		tail -n 20 "$dir/log" >&2
		return 1
	}
	child=''
}

# furnish_root ROOT: what makes a package root the rig's machine
furnish_root() {
	local root=$1 units=$1/etc/systemd/system u
	install -D -m 755 -t "$root/usr/lib/rig" "$rig_lib"/guest/{init,main,session} || return
	install -D -m 644 -t "$units" "$rig_lib/guest/rig.service" || return
	mkdir -p "$root/src" "$units/multi-user.target.wants" "$units/user@.service.d" || return

	echo rig >"$root/etc/hostname"
	echo '127.0.0.1 localhost rig' >"$root/etc/hosts"
	: >"$root/etc/fstab"
	echo '0123456789abcdef0123456789abcdef' >"$root/etc/machine-id"

	chroot "$root" passwd -qd root &&
		chroot "$root" groupadd --force --system kvm &&
		chroot "$root" useradd -m -s /bin/bash -u 1000 -G kvm tester || return
	echo tester:100000:65536 | tee "$root/etc/subuid" >"$root/etc/subgid"

	# Every service that Debian enables costs boot time: only those wanted here. Units stay available by name.
	find "$units" -name '*.wants' -type d -exec find {} -type l -delete ';' || return
	for u in getty.target getty-static.service systemd-update-utmp.service systemd-update-utmp-runlevel.service \
		systemd-random-seed.service systemd-sysusers.service systemd-journal-flush.service systemd-remount-fs.service \
		systemd-binfmt.service proc-sys-fs-binfmt_misc.automount sys-kernel-config.mount sys-kernel-debug.mount \
		systemd-tmpfiles-clean.timer apparmor.service modprobe@{configfs,dm_mod,drm,efi_pstore,fuse,loop}.service; do
		ln -sfn /dev/null "$units/$u"
	done
	mkdir -p "$root/etc/systemd/system-generators"
	for u in cryptsetup debug fstab getty gpt-auto hibernate-resume integritysetup rc-local run system-update sysv veritysetup; do
		ln -sfn /dev/null "$root/etc/systemd/system-generators/systemd-$u-generator"
	done
	ln -sfn /lib/systemd/system/multi-user.target "$units/default.target"
	ln -sfn ../rig.service "$units/multi-user.target.wants/rig.service"
	printf '[Service]\nDelegate=cpu cpuset io memory pids\n' >"$units/user@.service.d/rig.conf"
	mkdir -p "$root/etc/systemd/journald.conf.d"
	mkdir -p "$root/etc/containers" # where Podman is not to guess
	printf '[network]\nnetwork_backend = "netavark"\n' >"$root/etc/containers/containers.conf"
	printf '[storage]\ndriver = "overlay"\nrunroot = "/run/containers/storage"\ngraphroot = "/var/lib/containers/storage"\n' >"$root/etc/containers/storage.conf"
	printf '[Journal]\nStorage=volatile\n' >"$root/etc/systemd/journald.conf.d/rig.conf"
}

# vmlinux BZIMAGE OUT: uncompress it; the payload is found by its compressor's magic number
vmlinux() {
	local magic tool at
	while read -r magic tool; do
		while read -r at; do
			tail -c +$((at + 1)) "$1" | $tool >"$2" 2>/dev/null || : # each complains of what follows the payload
			[[ $(head -c 4 "$2" | tail -c 3) = ELF ]] && return
		done < <(LC_ALL=C grep -aboP "$magic" "$1" | cut -d: -f1)
	done <<-'EOT'
		\x02\x21\x4c\x18 lz4 -dc
		\x28\xb5\x2f\xfd zstd -dcq
		\xfd7zXZ\x00 xz -dcq
		\x1f\x8b\x08 gzip -dcq
	EOT
	say "no vmlinux found in $1"
	return 1
}
