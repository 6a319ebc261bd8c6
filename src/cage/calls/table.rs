//! Which calls, and with which arguments.

use std::collections::BTreeMap;

use nix::libc::{self, c_long};
use seccompiler::{SeccompCmpArgLen as Length, SeccompCmpOp as Op, SeccompCondition as Condition, SeccompRule as Rule};

use super::Needs;

/// Rules by the number of the call; none stands for "whatever the arguments".
type Rules = BTreeMap<i64, Vec<Rule>>;

/// What is always left: open files and pipes, memory, threads, signals to itself, the clock.
const ALWAYS: &[c_long] = &[
    // Open files, pipes and sockets.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_ftruncate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_fcntl,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_eventfd2,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_getsockopt,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    // What files are, without opening them.
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_readlinkat,
    libc::SYS_faccessat,
    libc::SYS_getcwd,
    libc::SYS_fstatfs,
    // Memory; none of it may hold code that was not there before, see `conditional`.
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    // Threads.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_membarrier,
    libc::SYS_getcpu,
    // A program that was started before the cage may be waited for.
    libc::SYS_wait4,
    libc::SYS_waitid,
    // Signals.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    // Time, chance, and who it is.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getrusage,
    libc::SYS_uname,
    libc::SYS_sysinfo,
];

/// Calls that only x86-64 has: the older forms of those above.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_dup2,
    libc::SYS_epoll_wait,
    libc::SYS_readlink,
    libc::SYS_access,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[c_long] = &[];

/// Changes in directories.
const NAMES: &[c_long] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_renameat,
    // renameat, which the C library takes and the crate has no name for.
    #[cfg(target_arch = "aarch64")]
    38,
    libc::SYS_renameat2,
    libc::SYS_unlinkat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
];

/// What ends the process: other programs, other processes, the kernel itself.
pub(super) const HOSTILE: &[c_long] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_open_by_handle_at,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// Calls of Linux 5.1 and later that the C library and the standard library try first, and have another way for. They have
/// the same numbers on all processors. `clone3` is one, whose flags a filter can't see.
pub(super) const NEWER: &[c_long] = &[
    434, // pidfd_open
    435, // clone3
    436, // close_range
    437, // openat2
    439, // faccessat2
    441, // epoll_pwait2
    449, // futex_waitv
    452, // fchmodat2
    454, // futex_wake
    455, // futex_wait
    456, // futex_requeue
    462, // mseal
];

/// An argument that is this, as far as the mask goes.
fn masked(argument: u8, mask: u64, value: u64) -> Result<Condition, String> {
    Condition::new(argument, Length::Qword, Op::MaskedEq(mask), value).map_err(|error| error.to_string())
}

/// An argument of 32 bits that is this.
fn is(argument: u8, value: u64) -> Result<Condition, String> {
    Condition::new(argument, Length::Dword, Op::Eq, value).map_err(|error| error.to_string())
}

/// A rule of conditions that all have to hold.
fn all<const N: usize>(conditions: [Result<Condition, String>; N]) -> Result<Rule, String> {
    let conditions = conditions.into_iter().collect::<Result<Vec<_>, _>>()?;
    Rule::new(conditions).map_err(|error| error.to_string())
}

/// What is allowed for these needs.
pub(super) fn allowed(needs: &Needs) -> Result<Rules, String> {
    let mut rules: Rules = ALWAYS.iter().chain(OLDER).map(|call| (*call, Vec::new())).collect();
    // Another filter answers these.
    rules.extend(NEWER.iter().map(|call| (*call, Vec::new())));
    conditional(&mut rules)?;
    open(&mut rules, needs)?;
    if needs.changes_directories() {
        rules.extend(NAMES.iter().map(|call| (*call, Vec::new())));
    }
    sockets(&mut rules, needs)?;
    Ok(rules)
}

/// One more way in which a call is allowed.
fn add(rules: &mut Rules, call: c_long, rule: Rule) {
    rules.entry(call).or_default().push(rule);
}

/// What is always allowed, with these arguments.
fn conditional(rules: &mut Rules) -> Result<(), String> {
    // No new code.
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        add(rules, call, all([masked(2, libc::PROT_EXEC as u64, 0)])?);
    }
    // Threads, and no processes.
    add(rules, libc::SYS_clone, all([masked(0, libc::CLONE_THREAD as u64, libc::CLONE_THREAD as u64)])?);
    // An abort of its own; no signal to others.
    let own = u64::from(std::process::id());
    add(rules, libc::SYS_tgkill, all([is(0, own)])?);
    // Limits are read, not set.
    add(rules, libc::SYS_prlimit64, all([masked(2, u64::MAX, 0)])?);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_getrlimit, Vec::new());
    // Names for threads and for memory.
    add(rules, libc::SYS_prctl, all([is(0, libc::PR_SET_NAME as u64)])?);
    add(rules, libc::SYS_prctl, all([is(0, libc::PR_SET_VMA as u64)])?);
    // The terminal: whether it is one, its size and its mode; never what puts keys into it (TIOCSTI). The flags of an
    // interface, which libpcap asks for when it has gone down.
    for request in REQUESTS {
        add(rules, libc::SYS_ioctl, all([is(1, *request)])?);
    }
    Ok(())
}

/// What devices and sockets may be asked and told.
#[allow(clippy::unnecessary_cast, reason = "they have another type in another C library")]
const REQUESTS: &[u64] = &[
    libc::TCGETS as u64,
    libc::TCSETS as u64,
    libc::TCSETSW as u64,
    libc::TCSETSF as u64,
    // The newer forms of the same, with which some C libraries ask: _IOR and _IOW('T', 0x2a to 0x2d, 44 bytes).
    0x802c_542a,
    0x402c_542b,
    0x402c_542c,
    0x402c_542d,
    libc::TIOCGWINSZ as u64,
    libc::FIONREAD as u64,
    libc::FIONBIO as u64,
    libc::FIOCLEX as u64,
    libc::SIOCGIFFLAGS as u64,
];

/// Opening by path: not at all, for reading, or also to create.
fn open(rules: &mut Rules, needs: &Needs) -> Result<(), String> {
    // The flags are the third argument of openat, and the second of open.
    let calls: &[(c_long, u8)] = &[
        (libc::SYS_openat, 2),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_open, 1),
    ];
    for (call, flags) in calls {
        if !needs.create_in.is_empty() {
            rules.insert(*call, Vec::new());
        } else if !needs.read.is_empty() {
            let writes = (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC) as u64;
            rules.insert(*call, vec![all([masked(*flags, writes, 0)])?]);
        }
    }
    if !needs.create_in.is_empty() {
        // Finding what an earlier run left, and the mode of what is created.
        rules.extend([libc::SYS_getdents64, libc::SYS_fchmod].map(|call| (call, Vec::new())));
    }
    Ok(())
}

/// Sockets: those that are open can be read above; what more depends on what was asked for.
fn sockets(rules: &mut Rules, needs: &Needs) -> Result<(), String> {
    if needs.accept || needs.unix_sockets {
        rules.extend([libc::SYS_sendto, libc::SYS_sendmsg, libc::SYS_shutdown].map(|call| (call, Vec::new())));
        // How long to wait, and whether to wait for more to send; not filters, and not membership of groups.
        let options = [
            (libc::SOL_SOCKET, libc::SO_RCVTIMEO),
            (libc::SOL_SOCKET, libc::SO_SNDTIMEO),
            (libc::IPPROTO_TCP, libc::TCP_NODELAY),
        ];
        let options = options.into_iter().map(|(level, name)| all([is(1, level as u64), is(2, name as u64)]));
        rules.insert(libc::SYS_setsockopt, options.collect::<Result<_, _>>()?);
    }
    if needs.accept {
        rules.extend([libc::SYS_accept, libc::SYS_accept4].map(|call| (call, Vec::new())));
    }
    if needs.unix_sockets {
        rules.insert(libc::SYS_socket, vec![all([is(0, libc::AF_UNIX as u64)])?]);
        rules.insert(libc::SYS_connect, Vec::new());
    }
    Ok(())
}
