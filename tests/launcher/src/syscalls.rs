//! The system calls that a program under test is denied: those by which it could use memory that no limit
//! counts, or get at parts of the kernel that no server needs.

use std::collections::BTreeMap;
use std::env::consts::ARCH;

use anyhow::{Context, Result};
use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
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

/// From now on, what is denied is as if it did not exist: for this process and all that come from it.
///
/// # Errors
///
/// If there are no filters for this machine's processor, or the kernel does not take them.
pub(crate) fn deny() -> Result<()> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> = UNCOUNTED_MEMORY
        .into_iter()
        .chain(NO_SERVERS_BUSINESS)
        .map(|call| (call, Vec::new()))
        .collect();
    let namespace = u64::try_from(libc::CLONE_NEWUSER)?;
    let with_namespace = SeccompCondition::new(
        0,
        SeccompCmpArgLen::Qword,
        SeccompCmpOp::MaskedEq(namespace),
        namespace,
    )?;
    rules.insert(
        libc::SYS_clone,
        vec![SeccompRule::new(vec![with_namespace])?],
    );
    let denied = SeccompAction::Errno(u32::try_from(libc::ENOSYS)?);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, denied, ARCH.try_into()?)?;
    let program = BpfProgram::try_from(filter).context("cannot make a filter of system calls")?;
    apply_filter(&program).context("the kernel takes no filter of system calls")
}
