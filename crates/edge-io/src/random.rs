//! The one place where the data plane draws random bytes: identities of passes.

/// Random bytes of the operating system's quality.
///
/// Without them no pass could be told from another, so failure is fatal for the connection's task; it has never been
/// seen after the generator was seeded at start.
pub(crate) fn bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).expect("the random generator works once it has been seeded");
    bytes
}

/// Two random words.
pub(crate) fn words() -> [u64; 2] {
    let bytes = bytes();
    let [first, second, ..] = bytes.as_chunks::<8>().0 else { return [0; 2] };
    [u64::from_be_bytes(*first), u64::from_be_bytes(*second)]
}
