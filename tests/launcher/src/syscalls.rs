//! The system calls that a program under test is denied: those by which it could use memory that no limit
//! counts, take a larger share of the processor, leave its network, or get at parts of the kernel that no
//! server needs.

use std::collections::BTreeMap;
use std::env::consts::ARCH;

use anyhow::{Context, Result};
use libc::c_long;
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter, sock_filter,
};

/// Memory that belongs to no process: only its end, or the namespace's, frees it.
const UNCOUNTED_MEMORY: [c_long; 6] = [
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_shmget,
    libc::SYS_msgget,
    libc::SYS_semget,
    libc::SYS_mq_open,
];

/// What containers, debuggers and tracers are made with.
const NO_SERVERS_BUSINESS: [c_long; 20] = [
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // Its flags can't be seen from here. Without it, the C library takes `clone`.
    libc::SYS_clone3,
];

/// By which a program would take itself a larger share of the processor than the limits leave it. A session
/// has a share of its own where the kernel groups processes by session (autogroup in sched(7)).
const SHARE_OF_PROCESSOR: [c_long; 7] = [
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setattr,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    libc::SYS_setsid,
];

/// The families of sockets that a program gets: those that stay in its network. (A socket of AF_VSOCK is in
/// no network namespace.) AF_NETLINK is beside them, for getaddrinfo(3).
const FAMILIES: [i32; 3] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];

/// The bit in the number of a system call by which x86-64 tells those of its x32 ABI: the same calls once
/// more, by numbers that the filters don't know.
const X32: u32 = 0x4000_0000;

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// From now on, what is denied fails, for this process and all that come from it, in a way that a program can
/// go on after.
///
/// # Errors
///
/// If there are no filters for this machine's processor, or the kernel does not take them.
pub(crate) fn deny() -> Result<()> {
    apply(buffer_sizes()?, 0)?;
    apply(whole(SHARE_OF_PROCESSOR), libc::EPERM)?;
    apply(other_sockets()?, libc::EAFNOSUPPORT)?;
    let mut unknown = whole(UNCOUNTED_MEMORY.into_iter().chain(NO_SERVERS_BUSINESS));
    let namespace = u64::try_from(libc::CLONE_NEWUSER)?;
    let with_namespace = SeccompCmpOp::MaskedEq(namespace);
    let with_namespace = SeccompCondition::new(0, Qword, with_namespace, namespace)?;
    let with_namespace = SeccompRule::new(vec![with_namespace])?;
    unknown.insert(libc::SYS_clone, vec![with_namespace]);
    apply(unknown, libc::ENOSYS)?;
    if cfg!(target_arch = "x86_64") {
        take(&without_x32()?)?;
    }
    Ok(())
}

/// Without conditions.
fn whole(calls: impl IntoIterator<Item = c_long>) -> Rules {
    calls.into_iter().map(|call| (call, Vec::new())).collect()
}

/// A larger buffer than a socket has by itself: a wish that the kernel may bound, and so is as if granted. What
/// lies in a buffer is no process's memory.
fn buffer_sizes() -> Result<Rules> {
    let rule = |option| {
        SeccompRule::new(vec![
            argument(1, SeccompCmpOp::Eq, libc::SOL_SOCKET)?,
            argument(2, SeccompCmpOp::Eq, option)?,
        ])
    };
    let rules = vec![rule(libc::SO_SNDBUF)?, rule(libc::SO_RCVBUF)?];
    Ok(Rules::from([(libc::SYS_setsockopt, rules)]))
}

/// Sockets of any family but [`FAMILIES`], and of AF_NETLINK's protocols any but the one about addresses.
fn other_sockets() -> Result<Rules> {
    let not = |argument_number, value| argument(argument_number, SeccompCmpOp::Ne, value);
    let families = FAMILIES.into_iter().chain([libc::AF_NETLINK]);
    let other_family = families.map(|family| not(0, family));
    let other_family = SeccompRule::new(other_family.collect::<Result<_, _>>()?)?;
    let netlink = argument(0, SeccompCmpOp::Eq, libc::AF_NETLINK)?;
    let other_protocol = SeccompRule::new(vec![netlink, not(2, libc::NETLINK_ROUTE)?])?;
    let rules = vec![other_family, other_protocol];
    Ok(Rules::from([
        (libc::SYS_socket, rules.clone()),
        (libc::SYS_socketpair, rules),
    ]))
}

/// A condition on an argument that is an `int`.
fn argument(
    number: u8,
    operator: SeccompCmpOp,
    value: i32,
) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(number, Dword, operator, value.cast_unsigned().into())
}

/// What the rules match fails with this error; with 0, it does nothing.
fn apply(rules: Rules, error: i32) -> Result<()> {
    let denied = SeccompAction::Errno(error.cast_unsigned());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, denied, ARCH.try_into()?)?;
    let program = BpfProgram::try_from(filter).context("cannot make a filter of system calls")?;
    take(&program)
}

fn take(program: &BpfProgram) -> Result<()> {
    apply_filter(program).context("the kernel takes no filter of system calls")
}

/// A filter by the number alone, as bpf(4)'s classic instructions: seccompiler's rules know no ranges.
fn without_x32() -> Result<BpfProgram> {
    let instruction = |code: u32, jf, k| -> Result<sock_filter> {
        let code = code.try_into()?;
        Ok(sock_filter { code, jt: 0, jf, k })
    };
    let denied = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();
    Ok(vec![
        // The number is what seccomp's data begin with.
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0)?,
        instruction(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 1, X32)?,
        instruction(libc::BPF_RET | libc::BPF_K, 0, denied)?,
        instruction(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW)?,
    ])
}
