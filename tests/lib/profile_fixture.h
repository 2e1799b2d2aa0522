/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seccomp profile of the shape that engines ship: everything an ordinary program calls is
 * allowed, some by argument, clone3 is answered by ENOSYS, the rest refused. Single quotes as in
 * config_fixture.h.
 */
#pragma once

#define PROFILE_ARCHS "'architectures':['SCMP_ARCH_X86_64','SCMP_ARCH_X86','SCMP_ARCH_X32']"

#define PROFILE_NAMES                                                                              \
	"'accept','accept4','access','alarm','arch_prctl','bind','brk','capget','capset','chdir'," \
	"'chmod','chown','chown32','clock_getres','clock_getres_time64','clock_gettime',"          \
	"'clock_gettime64','clock_nanosleep','close','close_range','connect','copy_file_range',"   \
	"'creat','dup','dup2','dup3','epoll_create','epoll_create1','epoll_ctl','epoll_pwait',"    \
	"'epoll_pwait2','epoll_wait','eventfd','eventfd2','execve','execveat','exit','exit_group'" \
	","                                                                                        \
	"'faccessat','faccessat2','fadvise64','fallocate','fchdir','fchmod','fchmodat','fchown',"  \
	"'fchownat','fcntl','fcntl64','fdatasync','fgetxattr','flock','fork','fremovexattr',"      \
	"'fsetxattr','fstat','fstat64','fstatfs','fsync','ftruncate','futex','futex_waitv',"       \
	"'getcwd','getdents','getdents64','getegid','geteuid','getgid','getgroups','getpeername'," \
	"'getpgid','getpgrp','getpid','getppid','getpriority','getrandom','getresgid','getresuid'" \
	","                                                                                        \
	"'getrlimit','getrusage','getsid','getsockname','getsockopt','gettid','gettimeofday',"     \
	"'getuid','getxattr','inotify_add_watch','inotify_init1','ioctl','kill','lchown','link',"  \
	"'linkat','listen','lseek','_llseek','lstat','madvise','memfd_create','mincore','mkdir',"  \
	"'mkdirat','mknod','mlock','mmap','mmap2','mprotect','mremap','msync','munlock','munmap'," \
	"'nanosleep','newfstatat','open','openat','openat2','pause','pidfd_open',"                 \
	"'pidfd_send_signal','pipe','pipe2','poll','ppoll','prctl','pread64','preadv','prlimit64'" \
	","                                                                                        \
	"'pselect6','pwrite64','pwritev','read','readlink','readlinkat','readv','recv','recvfrom'" \
	","                                                                                        \
	"'recvmmsg','recvmsg','rename','renameat','renameat2','rmdir','rseq','rt_sigaction',"      \
	"'rt_sigpending','rt_sigprocmask','rt_sigqueueinfo','rt_sigreturn','rt_sigsuspend',"       \
	"'rt_sigtimedwait','sched_getaffinity','sched_yield','seccomp','select','send','sendfile'" \
	","                                                                                        \
	"'sendmmsg','sendmsg','sendto','setgid','setgroups','setpgid','setpriority','setresgid',"  \
	"'setresuid','setrlimit','setsid','setsockopt','setuid','shutdown','sigaltstack',"         \
	"'sigreturn','socketcall','socketpair','splice','stat','stat64','statfs','statx','"        \
	"symlink',"                                                                                \
	"'symlinkat','sync','sysinfo','tee','tgkill','time','timer_create','timerfd_create',"      \
	"'times','tkill','truncate','umask','uname','unlink','unlinkat','utimensat','vfork',"      \
	"'wait4','waitid','waitpid','write','writev','a_call_of_tomorrow'"

#define PROFILE_RULES                                                              \
	"'syscalls':["                                                             \
	"{'names':[" PROFILE_NAMES "],'action':'SCMP_ACT_ALLOW'},"                 \
	"{'names':['socket'],'action':'SCMP_ACT_ALLOW','args':["                   \
	"{'index':0,'value':40,'op':'SCMP_CMP_NE'}]},"                             \
	"{'names':['personality'],'action':'SCMP_ACT_ALLOW','args':["              \
	"{'index':0,'value':0,'op':'SCMP_CMP_EQ'},"                                \
	"{'index':0,'value':8,'op':'SCMP_CMP_EQ'},"                                \
	"{'index':0,'value':4294967295,'op':'SCMP_CMP_EQ'}]},"                     \
	"{'names':['clone'],'action':'SCMP_ACT_ALLOW','args':["                    \
	"{'index':0,'value':2114060288,'valueTwo':0,'op':'SCMP_CMP_MASKED_EQ'}]}," \
	"{'names':['clone3'],'action':'SCMP_ACT_ERRNO','errnoRet':38}]"

#define PROFILE \
	"'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':1," PROFILE_ARCHS "," PROFILE_RULES
