# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Buildah, with its OCI isolation: every RUN is a container of the runtime.

e() { call env BUILDAH_ISOLATION=oci buildah "$@"; }

# bud OPTION...   builds the Containerfile in $C, with our runtime
bud() { ok bud --runtime "$RT" --isolation oci --network none --layers=false -t "$N" "$@" "$C"; }

setup_suite()
{
	accept_any_image
	busybox_root "$WORK/bb"
	tar -C "$WORK/bb" -cf "$WORK/bb.tar" .
	local c
	c=$(buildah from scratch) && buildah add -q "$c" "$WORK/bb.tar" / && buildah config --cmd sh "$c" &&
		buildah commit -q "$c" localhost/bb && buildah rm "$c"
}

end_case()
{
	buildah rm -a
	buildah rmi -f "$N"
}

run_in() { ok run --runtime "$RT" --isolation oci --network none "$@"; }

container()
{
	ok from localhost/bb
	NAME=$OUT
}

case_bud_run()
{
	cat >"$C/Containerfile" <<-'END'
		FROM localhost/bb
		RUN echo made >/made && id -u >/who
		RUN cat /made /who >/both; hostname >/name
		ENV A=b
		WORKDIR /work
		RUN echo "$A $PWD" >here
		USER user
		RUN id -un >/tmp/user
	END
	bud
	ok from --name "$N" "localhost/$N"
	run_in "$N" -- cat /both /work/here /tmp/user
	equal content $'made\n0\nb /work\nuser' "$OUT"
}

case_bud_run_fails()
{
	printf 'FROM localhost/bb\nRUN exit 42\n' >"$C/Containerfile"
	e bud --runtime "$RT" --isolation oci --network none "$C"
	[ "$RC" != 0 ] || fail "the build succeeded"
	match error "$ERR" 'exit status 42'
}

case_bud_run_missing_program()
{
	printf 'FROM localhost/bb\nRUN ["/nonexistent"]\n' >"$C/Containerfile"
	e bud --runtime "$RT" --isolation oci --network none "$C"
	[ "$RC" != 0 ] || fail "the build succeeded"
	match error "$ERR" 'nonexistent.*(no such file|not found)'
}

case_bud_debian()
{
	buildah inspect localhost/debian >/dev/null 2>&1 || {
		local c
		c=$(buildah from scratch) && buildah add -q "$c" /usr/share/rig/debian.tar / &&
			buildah commit -q "$c" localhost/debian && buildah rm "$c" >/dev/null
	}
	cat >"$C/Containerfile" <<-'END'
		FROM localhost/debian
		RUN perl -e 'print 6 * 7' >/answer && dpkg -s dash | grep -q installed
		RUN echo 'some:x:77:' >>/etc/group && chown 0:77 /answer && chmod 2750 /answer
	END
	bud
	ok from --name "$N" "localhost/$N"
	run_in "$N" -- stat -c '%g %a %s' /answer
	equal file "77 2750 2" "$OUT"
}

case_bud_volume_and_secret()
{
	mkdir "$C/vol"
	echo in >"$C/vol/file"
	echo hidden >"$C/secret"
	cat >"$C/Containerfile" <<-'END'
		FROM localhost/bb
		RUN cat /vol/file >/copy; (: >/vol/new) 2>/dev/null || echo ro >>/copy
		RUN --mount=type=secret,id=s cat /run/secrets/s >>/copy
		RUN --mount=type=tmpfs,dst=/t grep -c ' /t tmpfs' /proc/mounts >>/copy
		RUN --mount=type=bind,src=vol,dst=/b cat /b/file >>/copy
	END
	bud -v "$C/vol:/vol:ro" --secret "id=s,src=$C/secret"
	ok from --name "$N" "localhost/$N"
	run_in "$N" -- cat /copy
	equal content $'in\nro\nhidden\n1\nin' "$OUT"
}

case_bud_limits()
{
	printf 'FROM localhost/bb\nRUN cat %s >/limit; ulimit -n >>/limit\n' "$(limit memory.max)" >"$C/Containerfile"
	bud -m 64m --ulimit nofile=200:300 --cgroup-parent /clients-buildah
	ok from --name "$N" "localhost/$N"
	run_in "$N" -- cat /limit
	equal limits $'67108864\n200' "$OUT"
}

case_bud_layers_at_once()
{
	local i
	for i in 1 2 3; do
		mkdir "$C/$i"
		printf 'FROM localhost/bb\nRUN echo %s >/number; sleep 1\n' $i >"$C/$i/Containerfile"
		BUILDAH_ISOLATION=oci buildah bud --runtime "$RT" --isolation oci --network none -t "$N-$i" "$C/$i" >"$C/log-$i" 2>&1 &
	done
	wait
	for i in 1 2 3; do
		ok from --name "$N-c$i" "localhost/$N-$i"
		run_in "$N-c$i" -- cat /number
		equal number $i "$OUT"
		buildah rm "$N-c$i" >/dev/null
		buildah rmi -f "$N-$i" >/dev/null
	done
}

case_run_status_and_streams()
{
	container
	rc 7 run --runtime "$RT" --isolation oci --network none "$NAME" -- sh -c 'echo out; echo err >&2; exit 7'
	equal stdout out "$OUT"
	match stderr "$ERR" '^err'
	echo through >"$C/in"
	INPUT=$C/in run_in "$NAME" -- cat
	equal stdin through "$OUT"
}

case_run_terminal()
{
	container
	on_terminal "BUILDAH_ISOLATION=oci buildah run --runtime $RT --isolation oci --network none -t $NAME -- tty"
	match terminal "$OUT" '/dev/'
}

case_run_user_and_capabilities()
{
	container
	run_in --user user "$NAME" -- sh -c 'id -un; awk "/CapEff/ {print \$2}" /proc/self/status'
	equal user $'user\n0000000000000000' "$OUT"
	run_in --cap-add CAP_NET_ADMIN --cap-drop CAP_CHOWN "$NAME" -- awk '/CapEff/ {print $2}' /proc/self/status
	equal "CAP_CHOWN and CAP_NET_ADMIN" $((0x1000)) $((0x$OUT & 0x1001))
}

case_run_volumes()
{
	container
	echo host >"$C/file"
	run_in -v "$C:/there:ro" --mount type=tmpfs,dst=/t "$NAME" -- sh -c 'cat /there/file; grep -c " /t tmpfs" /proc/mounts'
	equal content $'host\n1' "$OUT"
}

case_run_killed()
{
	container
	rc 143 run --runtime "$RT" --isolation oci --network none "$NAME" -- sh -c 'sh -c "kill -TERM \$\$"; exit $?'
}

case_nothing_is_left()
{
	call "$RT" list -q
	equal "containers of the runtime" "" "$OUT"
	equal "processes" "" "$(pgrep -x runlet)"
}
