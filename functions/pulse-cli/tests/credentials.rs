//! The credentials that operators have: each kind is taken, and where one is missing or over, `pulse` says in one sentence
//! which command mends it. Nothing of the person's own who runs this is read: home, files and endpoint are made here.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
};

use tempfile::TempDir;

/// Keys as a service hands them out, valid for the rest of the century.
const ROLE_CREDENTIALS: &str = r#"{"roleCredentials":{"accessKeyId":"ASIASSO","secretAccessKey":"s","sessionToken":"t","expiration":4000000000000}}"#;

/// A machine with a home of its own, whose `~/.aws/config` is this.
struct Machine {
    home: TempDir,
    endpoint: String,
}

impl Machine {
    fn with(config: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join(".aws/sso/cache")).unwrap();
        fs::create_dir_all(home.path().join(".aws/login/cache")).unwrap();
        fs::write(home.path().join(".aws/config"), config).unwrap();
        // Nobody listens on the discard port.
        Self { home, endpoint: "http://127.0.0.1:9".to_owned() }
    }

    fn at(self, endpoint: &str) -> Self {
        Self { endpoint: endpoint.to_owned(), ..self }
    }

    fn put(&self, file: &str, text: &str) {
        fs::write(self.home.path().join(file), text).unwrap();
    }

    /// What `pulse status` says on standard error, with these variables.
    fn pulse(&self, variables: &[(&str, &str)]) -> String {
        let said = self.command(variables).output().unwrap();
        assert_eq!(said.status.code(), Some(1));
        String::from_utf8(said.stderr).unwrap()
    }

    /// `pulse status`, with these variables.
    fn command(&self, variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_pulse")));
        command
            .args(["status"])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .envs(variables.iter().copied());
        command
    }
}

/// A server that gives these answers (status, body), one after the other and the last again and again; and what it was
/// asked.
fn server(answers: &[(u16, &str)]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers: Vec<_> = answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
    let (tell, asked) = channel();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let (mut request, mut buffer) = (Vec::new(), [0; 8192]);
            while !is_whole(&request) {
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => request.extend_from_slice(&buffer[..count]),
                }
            }
            let (status, body) = &answers[number.min(answers.len() - 1)];
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
            if tell.send(String::from_utf8_lossy(&request).into_owned()).is_err() {
                return;
            }
        }
    });
    (url, asked)
}

/// Whether the head of a request is there, and as much as it says of the rest.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    body.len() >= length.unwrap_or(0)
}

fn refusal(code: &str, words: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{words}</Message></Error></ErrorResponse>"
    )
}

const SSO: &str = "[profile ops]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Ops\n\
                   [sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.awsapps.com/start\n";

/// The file of the session `corp`: the SHA-1 of its name (AWS SDKs and Tools Reference Guide, "SSO credential provider").
const SSO_CACHE: &str = ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";

/// On a slow machine it may be said before that something is waited for.
fn one_sentence(said: &str, parts: &[&str]) {
    let said: Vec<_> = said.lines().filter(|line| !line.starts_with("Still waiting for ")).collect();
    let said = said.join("\n");
    assert!(said.starts_with("error: ") && said.trim_end().lines().count() == 1, "{said}");
    for part in parts {
        assert!(said.contains(part), "no {part} in: {said}");
    }
}

#[test]
fn a_session_of_iam_identity_center_that_is_over_or_was_never_begun() {
    let machine = Machine::with(SSO);
    let ops = [("AWS_PROFILE", "ops")];
    let mend = "`aws sso login --profile ops` begins another.";
    one_sentence(&machine.pulse(&ops), &["AWS profile ops is over, or was never begun", mend]);
    let over = r#"{"accessToken":"t","expiresAt":"2020-01-01T00:00:00Z","startUrl":"https://corp.awsapps.com/start","region":"eu-west-1"}"#;
    machine.put(SSO_CACHE, over);
    one_sentence(&machine.pulse(&ops), &["the SSO token has expired", mend]);
    // Before sessions had names, a profile had the address.
    let old = Machine::with(
        "[profile ops]\nsso_start_url = https://corp\nsso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = Ops\n",
    );
    one_sentence(&old.pulse(&ops), &[mend]);
}

#[test]
fn a_session_of_iam_identity_center_is_used_and_its_refusals_are_told_apart() {
    let valid = r#"{"accessToken":"t","expiresAt":"2099-01-01T00:00:00Z","startUrl":"https://corp.awsapps.com/start","region":"eu-west-1"}"#;
    let ops = [("AWS_PROFILE", "ops")];
    let with = |answers: &[(u16, &str)]| {
        let (url, asked) = server(answers);
        let machine = Machine::with(SSO).at(&url);
        machine.put(SSO_CACHE, valid);
        (machine.pulse(&ops), asked)
    };
    let gone = refusal("ValidationError", "Stack with id pulse does not exist");
    let (said, asked) = with(&[(200, ROLE_CREDENTIALS), (400, &gone)]);
    one_sentence(&said, &["There is no stack pulse in eu-west-1 at http://127.0.0.1:"]);
    assert!(asked.recv().unwrap().starts_with("GET /federation/credentials?"));
    let signed = asked.recv().unwrap().to_lowercase();
    assert!(signed.contains("credential=asiasso/"), "{signed}");
    let whose = asked.recv().unwrap();
    assert!(whose.contains("Action=GetCallerIdentity"), "{whose}");
    assert!(asked.try_recv().is_err(), "credentials are asked for once");

    let (said, _) =
        with(&[(401, r#"{"__type":"UnauthorizedException","message":"Session token not found or invalid"}"#)]);
    one_sentence(&said, &["`aws sso login --profile ops`"]);
    let (said, _) = with(&[(403, r#"{"__type":"ForbiddenException","message":"No access"}"#)]);
    one_sentence(&said, &["gives you no credentials", "No access", "`aws configure sso --profile ops`"]);
}

#[test]
fn a_session_that_cannot_be_asked_for_is_no_session_that_is_over() {
    let machine = Machine::with(SSO);
    let valid = r#"{"accessToken":"t","expiresAt":"2099-01-01T00:00:00Z","startUrl":"https://corp.awsapps.com/start","region":"eu-west-1"}"#;
    machine.put(SSO_CACHE, valid);
    one_sentence(
        &machine.pulse(&[("AWS_PROFILE", "ops")]),
        &["can't be reached for the session of the AWS profile ops"],
    );
}

#[test]
fn a_session_of_aws_login_that_is_over() {
    let machine = Machine::with("[profile me]\nlogin_session = arn:aws:iam::111122223333:user/me\n");
    let said = machine.pulse(&[("AWS_PROFILE", "me")]);
    one_sentence(&said, &["console session of the AWS profile me", "`aws login --profile me` begins another."]);
}

#[test]
fn a_credential_process_is_run_and_one_that_fails_or_is_not_there_is_shown() {
    let ops = [("AWS_PROFILE", "ops")];
    let with = |process: &str| Machine::with(&format!("[profile ops]\ncredential_process = {process}\n"));
    let show = "`aws configure get credential_process --profile ops` shows what to mend.";
    one_sentence(
        &with("/usr/bin/env false").pulse(&ops),
        &["The credential_process of the AWS profile ops fails", show],
    );
    one_sentence(&with("/nowhere/vault").pulse(&ops), &["not found", show]);
    one_sentence(&with("echo {}").pulse(&ops), &["ersion", show]);

    let (url, asked) = server(&[(400, &refusal("ValidationError", "Stack with id pulse does not exist"))]);
    let machine = with("sh /keys.sh").at(&url);
    let script = machine.home.path().join("keys.sh");
    let runs = machine.home.path().join("runs");
    let keys = r#"{"Version":1,"AccessKeyId":"AKIAPROCESS","SecretAccessKey":"s"}"#;
    fs::write(&script, format!("echo run >> {}\necho '{keys}'\n", runs.display())).unwrap();
    machine.put(".aws/config", &format!("[profile ops]\ncredential_process = sh {}\n", script.display()));
    one_sentence(&machine.pulse(&ops), &["There is no stack pulse in eu-west-1 at http://127.0.0.1:"]);
    assert!(asked.recv().unwrap().to_lowercase().contains("credential=akiaprocess/"));
    assert_eq!(fs::read_to_string(runs).unwrap(), "run\n", "it may ask for a touch of a key: once is enough");
}

#[test]
fn a_profile_that_is_not_there_and_no_credentials_at_all() {
    let machine = Machine::with(SSO);
    let said = machine.pulse(&[("AWS_PROFILE", "opps")]);
    one_sentence(&said, &["There is no AWS profile opps", "names one of ops", "`aws configure sso --profile opps`"]);
    one_sentence(&Machine::with("").pulse(&[]), &["There are no AWS credentials: `aws login` gets some"]);
    one_sentence(
        &Machine::with("[default]\nregion = eu-west-1\n").pulse(&[]),
        &["The AWS profile default has no credentials"],
    );
}

#[test]
fn a_profile_that_is_not_there_is_told_before_a_region_that_is_not_set() {
    let machine = Machine::with(SSO);
    let said = machine.pulse(&[("AWS_PROFILE", "opps"), ("AWS_REGION", "")]);
    one_sentence(&said, &["There is no AWS profile opps"]);
    let said = machine.pulse(&[("AWS_PROFILE", "ops"), ("AWS_REGION", "")]);
    one_sentence(&said, &["no AWS region is set"]);
}

#[test]
fn a_credential_process_that_takes_long_is_told_and_waited_for() {
    let (url, _asked) = server(&[(400, &refusal("ValidationError", "Stack with id pulse does not exist"))]);
    let machine = Machine::with("").at(&url);
    let pipe = machine.home.path().join("keys");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    machine.put(".aws/config", &format!("[profile ops]\ncredential_process = cat {}\n", pipe.display()));
    let mut waiting = machine.command(&[("AWS_PROFILE", "ops")]).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(waiting.stderr.take().unwrap()).lines();
    let told = said.next().unwrap().unwrap();
    assert_eq!(told, "Still waiting for the credential_process of the AWS profile ops, for 60 s at most.");
    fs::write(pipe, r#"{"Version":1,"AccessKeyId":"AKIAPROCESS","SecretAccessKey":"s"}"#).unwrap();
    let then = said.next().unwrap().unwrap();
    assert!(then.contains("There is no stack pulse"), "{then}");
    assert_eq!(waiting.wait().unwrap().code(), Some(1));
}

#[test]
fn a_web_identity_token_that_is_not_there_is_told_by_its_file() {
    let token = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token"), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/ops")];
    one_sentence(
        &Machine::with("").pulse(&token),
        &["web identity token file /nowhere/token can't be read", "No such file"],
    );
    let role = "[profile ops]\nrole_arn = arn:aws:iam::1:role/ops\nweb_identity_token_file = /nowhere/token\n";
    let said = Machine::with(role).pulse(&[("AWS_PROFILE", "ops")]);
    one_sentence(&said, &["web identity token file /nowhere/token can't be read"]);
}

#[test]
fn an_aws_that_cannot_be_reached_is_told_with_where_it_was_looked_for() {
    let keys = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let said = Machine::with("").pulse(&keys);
    one_sentence(&said, &["CloudFormation in eu-west-1 at http://127.0.0.1:9 can't be asked", "see to the network"]);
    // A proxy answers in its place.
    for status in [200, 403, 502] {
        let (url, _asked) = server(&[(status, "<html><body>Sign in to the guest network</body></html>")]);
        let said = Machine::with("").at(&url).pulse(&keys);
        one_sentence(&said, &[&format!("HTTP {status}"), "a proxy"]);
        assert!(!said.contains("html") && !said.contains("xml"), "{said}");
    }
}

#[test]
fn a_clock_that_is_off_is_no_matter_of_credentials() {
    let keys = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let words = "Signature expired: 20261103T100000Z is now earlier than 20261103T101500Z (20261103T102000Z - 5 min.)";
    let (url, _asked) = server(&[(403, &refusal("SignatureDoesNotMatch", words))]);
    one_sentence(&Machine::with("").at(&url).pulse(&keys), &["this machine's clock is off", "Signature expired"]);
}

#[test]
fn two_stacks_are_not_named_at_once() {
    let said = Machine::with("").command(&[]).args(["--local", "--stack", "other"]).output().unwrap();
    assert_eq!(said.status.code(), Some(2));
    one_sentence(&String::from_utf8(said.stderr).unwrap(), &["--local and --stack other name two stacks"]);
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_the_simulation() {
    let line = ["simulate", "--customers", "3", "--report", "/nosuch/x.html"];
    let said = Command::new(env!("CARGO_BIN_EXE_pulse")).args(line).output().unwrap();
    assert_eq!(said.status.code(), Some(2));
    one_sentence(&String::from_utf8(said.stderr).unwrap(), &["The report /nosuch/x.html can't be written"]);
}

#[test]
fn a_role_is_assumed_and_one_that_is_refused_is_told_from_a_source_that_is_over() {
    let role = "[profile prod]\nrole_arn = arn:aws:iam::111122223333:role/ops\nsource_profile = base\n";
    let keys = "[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n";
    let prod = [("AWS_PROFILE", "prod")];
    let assumed = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>\
                   <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
                   <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
    let (url, asked) =
        server(&[(200, assumed), (400, &refusal("ValidationError", "Stack with id pulse does not exist"))]);
    one_sentence(
        &Machine::with(&format!("{role}{keys}")).at(&url).pulse(&prod),
        &["There is no stack pulse in eu-west-1 at http://127.0.0.1:"],
    );
    asked.recv().unwrap();
    assert!(asked.recv().unwrap().to_lowercase().contains("credential=asiarole/"));

    let words =
        "User: arn:aws:iam::1:user/x is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::1:role/ops";
    let (url, _asked) = server(&[(403, &refusal("AccessDenied", words))]);
    let said = Machine::with(&format!("{role}{keys}")).at(&url).pulse(&prod);
    one_sentence(&said, &["The role of the AWS profile prod can't be assumed", "sts:AssumeRole"]);

    let said = Machine::with(&format!("{role}{}", SSO.replace("profile ops", "profile base"))).pulse(&prod);
    one_sentence(&said, &["`aws sso login --profile base`"]);
    let mfa = format!("{role}mfa_serial = arn:aws:iam::1:mfa/x\n{keys}");
    let (url, _asked) = server(&[(403, &refusal("AccessDenied", words))]);
    one_sentence(
        &Machine::with(&mfa).at(&url).pulse(&prod),
        &["takes a second factor", "export-credentials --profile prod"],
    );
}

#[test]
fn credentials_that_a_service_takes_no_more() {
    let environment = [("AWS_ACCESS_KEY_ID", "ASIAOLD"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let keys = "[profile old]\naws_access_key_id = AKIAOLD\naws_secret_access_key = s\n";
    for code in ["ExpiredToken", "UnrecognizedClientException", "InvalidClientTokenId"] {
        let (url, _asked) = server(&[(403, &refusal(code, "The security token included in the request is expired"))]);
        let said = Machine::with("").at(&url).pulse(&environment);
        one_sentence(&said, &["in the environment", code, "`unset AWS_ACCESS_KEY_ID"]);
        let said = Machine::with(keys).at(&url).pulse(&[("AWS_PROFILE", "old")]);
        one_sentence(&said, &["of the AWS profile old", code, "`aws configure --profile old`"]);
    }
}
