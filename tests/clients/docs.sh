# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What docs/drop-in.md and docs/kubernetes.md say, done to the letter on a machine with systemd: their blocks of
# configuration are put into the files that the text names, their commands are run. Of the words IMAGE, COMMAND
# and ID each engine has its own; `systemctl restart` is the machine's.

DOCS=$HERE/../../docs
KINDS=(runlet)

e() { call "$@"; }

# blocks PAGE   HEADING<tab>NUMBER<tab>LINE of each line of an indented block
blocks()
{
	awk '
		/^## / { heading = substr($0, 4); number = 0; inside = 0; next }
		/^    / {
			if (!inside) { number++; inside = 1 } else if (blank) print heading "\t" number "\t"
			blank = 0
			print heading "\t" number "\t" substr($0, 5)
			next
		}
		/^$/ { blank = 1; next }
		{ inside = 0; blank = 0 }' "$DOCS/$1.md"
}

# block PAGE HEADING NUMBER   tests/lint/docs finds such words in this file, for every block there is
block()
{
	blocks "$1" | awk -F '\t' -v h="$2" -v n="$3" '$1 == h && $2 == n { print substr($0, length($1 $2) + 3) }'
}

# perform PAGE HEADING NUMBER   run the block's commands, in an empty directory
perform()
{
	local commands
	commands=$(block "$@" | sed "s|\<IMAGE\>|$IMAGE|; s|\<ID\>|$N|; s|\<COMMAND\>|echo done|")
	[ -n "$commands" ] || fail "$* has no lines"
	mkdir -p "$C/here"
	ok bash -euc "cd '$C/here' 2>/dev/null || cd; $commands"
}

setup_suite()
{
	busybox_root "$WORK/bb"
	"$HERE/image" localhost/bb:latest "$WORK/bb" sh >"$WORK/bb.tar"
	accept_any_image
	IMAGE=localhost/bb:latest
	mkfifo "$WORK/never" # ctr waits for ever where stdin ends before the container does
	exec 9<>"$WORK/never"
	# What the suites of the engines have changed is not there: this machine is new.
	[ ! -d /run/systemd/system ] || [ -n "$ROOTLESS" ] || systemctl start containerd docker
}

# runtime_of ID   the runtime that Podman has noted
runtime_of() { podman inspect --format '{{.OCIRuntime}}' "$1"; }

case_podman()
{
	need_systemd
	local conf=/etc/containers/containers.conf.d/50-runlet.conf
	ok podman load -i "$WORK/bb.tar"
	perform drop-in Podman 1
	equal output "done" "$OUT"
	mkdir -p "${conf%/*}"
	block drop-in Podman 2 >$conf
	perform drop-in Podman 3
	equal "the default" runlet "$OUT"
	ok podman run -d --name "$N" $IMAGE sleep 1000
	equal runtime runlet "$(runtime_of "$N")"
	call runlet list -q
	match "containers of runlet" "$OUT" '^[0-9a-f]{64}$'
	# And back: other containers are another runtime's, this one can be removed.
	perform drop-in Podman 4
	missing $conf
	call runlet list -q
	equal "containers of runlet" "" "$OUT"
	ok podman info --format '{{.Host.OCIRuntime.Name}}'
	equal "the default" crun "$OUT"
	ok podman run --rm $IMAGE true
}

missing() { [ ! -e "$1" ] || fail "$1 is there"; }

case_buildah()
{
	need_systemd
	ok podman load -i "$WORK/bb.tar"
	mkdir "$C/here"
	printf 'FROM %s\nRUN echo made >/made\n' $IMAGE >"$C/here/Containerfile"
	perform drop-in Buildah 1
	# It was runlet: without it, it does not work.
	mv /usr/local/bin/runlet /usr/local/bin/away
	e bash -c "cd $C/here && $(block drop-in Buildah 1 | tail -n 1)"
	mv /usr/local/bin/away /usr/local/bin/runlet
	[ "$RC" != 0 ] || fail "buildah built without runlet"
}

case_docker()
{
	need_systemd
	ok docker load -i "$WORK/bb.tar"
	ok docker info --format '{{.DefaultRuntime}}'
	equal "the default" runc "$OUT"
	mkdir -p /etc/docker
	block drop-in Docker 1 >/etc/docker/daemon.json
	perform drop-in Docker 2
	equal output $'runlet\ndone' "$OUT"
	perform drop-in Docker 3
	equal output "done" "$OUT"
	# With live-restore it outlives the restart that comes with the next block.
	ok docker run -d --name "$N" $IMAGE sleep 1000
	local pid
	pid=$(docker inspect --format '{{.State.Pid}}' "$N")
	perform drop-in Docker 4
	equal pid "$pid" "$(docker inspect --format '{{.State.Pid}}' "$N")"
	equal "BuildKit's runc" /usr/local/bin/runlet "$(realpath "$(PATH=$(daemon_path) command -v runc)")"
	printf 'FROM %s\nRUN echo made >/made\n' $IMAGE >"$C/Dockerfile"
	ok env DOCKER_BUILDKIT=1 docker build -q --network none -t made "$C"
	perform drop-in Docker 5
	ok docker info --format '{{.DefaultRuntime}}'
	equal "the default" runc "$OUT"
	equal "BuildKit's runc" "$(command -v runc)" "$(PATH=$(daemon_path) command -v runc)"
	ok docker run --rm $IMAGE true
	perform drop-in 'Before the program goes' 1
	no_match "containers of runlet" "$OUT" "$N"
}

no_match() { ! grep -q "$3" <<<"$2" || fail "$1 is '$2', which has $3"; }

daemon_path() { tr '\0' '\n' <"/proc/$(systemctl show -p MainPID --value docker)/environ" | sed -n 's/^PATH=//p'; }

case_containerd()
{
	need_systemd
	ok ctr images import "$WORK/bb.tar"
	INPUT=/dev/fd/9 perform drop-in containerd 1
	equal output "done" "$OUT"
}

# pod HANDLER [MEMORY]   as a kubelet makes it; ALL is its steps in one line
pod()
{
	e "$HERE/cri" /run/containerd/containerd.sock "$1" "$N-$1" $IMAGE kubepods.slice "${2:-32}"
	ALL=$(tr '\n' ' ' <<<"$OUT")
}

case_kubernetes_containerd()
{
	need_systemd
	local pause
	block kubernetes containerd 1 >>/etc/containerd/config.toml
	perform kubernetes containerd 2
	ok containerd config dump
	pause=$(sed -n 's/^ *sandbox_image = "\(.*\)"/\1/p' "$C/out")
	"$HERE/image" "$pause" "$WORK/bb" sleep 100000 >"$C/pause.tar"
	ok ctr -n k8s.io images import "$C/pause.tar"
	ok ctr -n k8s.io images import "$WORK/bb.tar"
	pod runlet
	equal steps "sandbox=made running=1 exec=from-exec 0 exec-status=9 limit=33554432 updated=67108864 stats=yes exit=5 stopped=143 end=fine " "$ALL"
	call runlet --root /run/containerd/runc/k8s.io list -q
	equal "containers of runlet" "" "$OUT"
}

# A virtual machine has no view of its cgroup, and takes a while to come up.
case_kubernetes_containerd_krun()
{
	need_systemd
	[ -c /dev/kvm ] || skip "no /dev/kvm here"
	grep -q runtimes.runlet-krun /etc/containerd/config.toml || skip "only after kubernetes_containerd"
	PATIENCE=900 pod runlet-krun 256
	equal steps "sandbox=made running=1 exec=from-exec 0 exec-status=9 stats=yes exit=5 stopped=143 end=fine " \
		"$(sed 's/limit=[^ ]* updated=[^ ]* //' <<<"$ALL")"
}

# The same handlers, by their names, in each of the three files.
case_kubernetes_names()
{
	block kubernetes containerd 1 >"$C/containerd.toml"
	block kubernetes CRI-O 1 >"$C/crio.toml"
	block kubernetes 'The cluster' 1 >"$C/cluster.yaml"
	cat >"$C/compare" <<-'END'
		import sys, tomllib
		containerd, crio = (tomllib.load(open(name, "rb")) for name in sys.argv[1:])
		one = containerd["plugins"]["io.containerd.grpc.v1.cri"]["containerd"]["runtimes"]
		del one["runc"]
		other = crio["crio"]["runtime"]["runtimes"]
		for name in sorted(one):
		    assert one[name]["options"]["BinaryName"] == other[name]["runtime_path"], name
		    print(name)
		assert sorted(one) == sorted(other)
		assert crio["crio"]["runtime"]["default_runtime"] in other
	END
	ok python3 "$C/compare" "$C/containerd.toml" "$C/crio.toml"
	equal "handlers of the cluster" "$OUT" "$(sed -n 's/^handler: //p' "$C/cluster.yaml")"
	match "the pod's class" "$OUT" "^$(sed -n 's/^ *runtimeClassName: //p' "$C/cluster.yaml")$"
	# Podman reads the same kinds of file, and makes the pod; a RuntimeClass it leaves out.
	"$HERE/image" docker.io/library/busybox:latest "$WORK/bb" sh >"$C/busybox.tar"
	ok podman load -i "$C/busybox.tar"
	sed -n '/^kind: Pod/,$p' "$C/cluster.yaml" | sed '1i apiVersion: v1' >"$C/pod.yaml"
	ok podman --runtime "$RT" play kube "$C/pod.yaml"
	ok podman --runtime "$RT" play kube --down "$C/pod.yaml"
}
