//! Whether a program that was built here starts where Lambda's runtime is a container.

use anyhow::{Result, bail};

/// The glibc of Amazon Linux 2023, on which `provided.al2023` stands (Amazon Linux 2023 User Guide, "Comparing AL2
/// and AL2023": glibc 2.34).
const OF_AL2023: u32 = 34;

/// Refuses a program that asks for a newer glibc than the container has: it would end at its start, again and again,
/// with nothing but a line in the emulator's log.
///
/// # Errors
/// When it does; with how to build one that doesn't.
pub(crate) fn refuse_newer(name: &str, program: &[u8]) -> Result<()> {
    match newest_wanted(program) {
        Some(minor) if minor > OF_AL2023 => bail!(
            "The function {name} was built for this machine's glibc, 2.{minor}, and the container that this emulator runs it in has 2.{OF_AL2023}: build with `cargo lambda build --release` (pip install cargo-lambda), and run this again with --functions target/lambda."
        ),
        _ => Ok(()),
    }
}

/// The greatest N of all `GLIBC_2.N` that the program names. They are texts of its dynamic string table (Linux
/// Standard Base, "Symbol Versioning").
fn newest_wanted(program: &[u8]) -> Option<u32> {
    const PREFIX: &[u8] = b"GLIBC_2.";
    let minor = |at: usize| {
        let digits = program[at..].iter().take_while(|byte| byte.is_ascii_digit()).take(4);
        digits.map(|digit| u32::from(digit - b'0')).reduce(|number, digit| 10 * number + digit)
    };
    let places = program.windows(PREFIX.len()).enumerate().filter(|(_, window)| *window == PREFIX);
    places.filter_map(|(at, _)| minor(at + PREFIX.len())).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_glibc_counts_by_number_and_not_by_its_first_digit() {
        assert_eq!(newest_wanted(b"\x7fELF\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.4\0"), Some(34));
        assert_eq!(newest_wanted(b"\x7fELF GLIBC_PRIVATE GLIBC_2."), None);
    }

    #[test]
    fn only_a_program_for_a_newer_glibc_is_refused_and_told_how_to_be_built() {
        refuse_newer("score", b"\x7fELF\0GLIBC_2.34\0").unwrap();
        refuse_newer("score", b"\x7fELF, and static").unwrap();
        let error = refuse_newer("score", b"\x7fELF\0GLIBC_2.34\0GLIBC_2.39\0").unwrap_err().to_string();
        assert!(error.contains("score") && error.contains("2.39") && error.contains("cargo lambda build"), "{error}");
    }

    #[test]
    fn this_very_program_names_the_glibc_that_it_needs() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(newest_wanted(&program).is_some_and(|minor| (14..100).contains(&minor)) || cfg!(target_env = "musl"));
    }
}
