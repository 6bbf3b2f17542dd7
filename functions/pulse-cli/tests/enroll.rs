//! What `pulse enroll` refuses before it looks for a stack, as a shell sees it.

use std::{
    fs::{self, File},
    process::{Command, Output},
};

const TEXT: &str = "id,name,email,product,balance,currency,locale,time_zone,signed_up_at,status,opted_out\n";

/// Where there are no credentials and nothing to ask for any.
fn enroll(arguments: &[&str], stdin: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pulse"));
    command.arg("enroll").args(arguments).env_clear();
    if let Some(path) = stdin {
        command.stdin(File::open(path).unwrap());
    }
    command.output().unwrap()
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn rejects_never_go_over_what_standard_input_is_read_from() {
    let folder = tempfile::tempdir().unwrap();
    let roster = folder.path().join("rejects.csv").to_str().unwrap().to_owned();
    let link = folder.path().join("link.csv").to_str().unwrap().to_owned();
    fs::write(&roster, TEXT).unwrap();
    std::os::unix::fs::symlink(&roster, &link).unwrap();
    for what in ["-", "/dev/stdin"] {
        for rejects in [&roster, &link] {
            for force in [&[][..], &["--force"]] {
                let arguments = [&[what, "--rejects", rejects], force].concat();
                let said = refused(&enroll(&arguments, Some(&roster)));
                assert!(said.contains("that is the roster itself"), "{said}");
            }
        }
    }
    assert_eq!(fs::read_to_string(&roster).unwrap(), TEXT);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn what_cannot_be_read_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    assert!(refused(&enroll(&[path], None)).contains("is a folder; name the roster file in it."));
    assert!(refused(&enroll(&[&format!("{path}/gone.csv")], None)).contains("There is no file"));
    let columns = enroll(&["-", "--map", "E-mail=mail"], None);
    assert_eq!(columns.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&columns.stderr).contains("those are id, name, email"));
}
