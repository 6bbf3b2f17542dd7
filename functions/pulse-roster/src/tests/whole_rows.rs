//! Rows that are none, or not whole: empty, short, long, cut, shifted.

use super::*;

/// What is said of the last row, or that it was taken and told.
fn last_of(roster: &str) -> Result<bool, String> {
    match open(roster.as_bytes()).unwrap().last().unwrap() {
        Ok((row, _)) => Ok(row.may_be_cut),
        Err(RowError::Bad(bad)) => Err(bad.to_string()),
        Err(RowError::Unreadable(error)) => panic!("{error}"),
    }
}

#[test]
fn a_row_with_nothing_in_any_column_is_no_row() {
    // Cases 12a and 12b, before the header too.
    for blank in [",,,,,,,,,,\n", "   \n\t\n", "\"\",\"\"\n", " , ,\u{a0}\r\n", "\u{1a}\n"] {
        let roster = [blank, HEADER, &row("c-1"), blank, &row("c-2"), blank, blank].concat();
        let (good, bad) = read(roster.as_bytes());
        assert_eq!(ids(&good), ["c-1", "c-2"], "{blank:?}");
        assert!(bad.is_empty(), "{blank:?}: {bad:?}");
    }
}

#[test]
fn a_short_row_says_what_is_missing_at_its_end() {
    // Case 12h.
    let short = row("c-1").replace(",no\n", "\n");
    let said = last_of(&format!("{HEADER}{short}")).unwrap_err();
    assert_eq!(said, "line 2; ends after 10 of 11 columns; missing at the end: opted_out");
    // What isn't ours may be missing.
    let wide = HEADER.replace("opted_out\n", "opted_out,note,\n");
    assert_eq!(last_of(&format!("{wide}{}", row("c-1"))), Ok(false));
    let said = last_of(&format!("{wide}{short}")).unwrap_err();
    assert!(said.ends_with("ends after 10 of 12 columns; missing at the end: opted_out, note"), "{said}");
}

#[test]
fn a_long_row_hints_at_quotes_or_the_delimiter_and_empty_columns_too_many_are_none() {
    assert_eq!(last_of(&format!("{HEADER}{}", row("c-1").replace("no\n", "no,, ,\n"))), Ok(false));
    let said = last_of(&format!("{HEADER}{}", row("c-1").replace("Ada", "Byron, Ada"))).unwrap_err();
    assert!(
        said.ends_with("has 12 columns where the first line has 11; a comma inside a column needs quotes around it")
    );
    let said = last_of(&format!("{HEADER}{}", row("c-1").replace(',', ";"))).unwrap_err();
    assert_eq!(said, "line 2; has a semicolon between its columns, where the first line has a comma");
}

#[test]
fn a_last_row_without_line_end_is_taken_and_told_if_all_of_it_is_there() {
    let taken = format!("{HEADER}{}{}", row("c-1"), row("c-2").trim_end());
    assert_eq!(last_of(&taken), Ok(true));
    assert_eq!(last_of(&format!("{taken}\n")), Ok(false));
    // A carriage return whose line feed is cut off is a line end.
    assert_eq!(last_of(&(taken.replace('\n', "\r\n") + "\r")), Ok(false));
    // Cases 12o and 12p: cut before the mark.
    let said = last_of(taken.trim_end_matches("no")).unwrap_err();
    assert!(said.contains("without opted_out; was the file cut here?"), "{said}");
    // Every cut of the last row is told or rejected, and none lets the mark of someone who opted out be missed.
    let yes = taken.replace("c-2,", "c-22,").trim_end_matches("no").to_owned() + "yes";
    let start = yes.rfind("c-22").unwrap();
    for end in start + 1..yes.len() {
        assert!(last_of(&yes[..end]).is_err(), "{}", &yes[start..end]);
    }
    assert_eq!(last_of(&yes), Ok(true));
}

#[test]
fn a_last_column_that_passes_for_whole_when_it_is_cut_is_rejected_without_a_line_end() {
    let with_last = |name: &str, value: &str| {
        let header = HEADER.trim_end().replace(&format!("{name},"), "") + "," + name;
        let all: Vec<_> =
            HEADER.trim_end().split(',').zip(row("c-1").trim_end().split(',').map(str::to_owned)).collect();
        let others =
            all.into_iter().filter(|(column, _)| *column != name).map(|(_, value)| value).collect::<Vec<_>>().join(",");
        format!("{header}\n{others},{value}")
    };
    for (name, value) in [("email", "ada@example.co"), ("balance", "12.5"), ("name", "Ad"), ("status", "active")] {
        let roster = with_last(name, value);
        let is_taken = !["email", "balance"].contains(&name);
        assert_eq!(last_of(&roster).is_ok(), is_taken, "{name}: {:?}", last_of(&roster));
        assert_eq!(last_of(&(roster.clone() + "\n")), Ok(false));
        // A closing quote says that nothing is missing.
        assert_eq!(last_of(&with_last(name, &format!("\"{value}\""))), Ok(true), "{name}");
    }
    let said = last_of(&with_last("balance", "12.5")).unwrap_err();
    assert!(said.starts_with("line 2; balance: ends the last row, which has no line end, and may be cut;"), "{said}");
}

#[test]
fn a_file_that_is_cut_inside_quotes_says_so() {
    let said = last_of(&format!("{HEADER}{}", row("c-1").replace("no\n", "\"no"))).unwrap_err();
    assert!(said.contains("never closed, and no line end follows; was the file cut here?"), "{said}");
}

#[test]
fn one_cause_is_one_problem() {
    // The sum below the rows, a row whose columns stand elsewhere, and two files in one.
    let sum = "Total 3,,,,,,,,,,\n";
    let right = row("c-1").replace("c-1,Ada,", "c-1,Ada,,").replace(",no\n", "\n");
    let left = row("c-2").replace("c-2,Ada,ada@example.com,", "c-2,Ada,").replace("no\n", "no,\n");
    let (_, bad) = read([HEADER, sum, &right, &left, HEADER].concat().as_bytes());
    let said = told(&bad);
    assert_eq!(said.len(), 4);
    assert!(said[0].contains("has nothing in name, product, currency"), "{}", said[0]);
    assert!(
        said[1].starts_with("line 3; product: and the columns after it stand one place too far to the right;"),
        "{}",
        said[1]
    );
    assert!(
        said[2].starts_with("line 4; product: and the columns after it stand one place too far to the left;"),
        "{}",
        said[2]
    );
    assert_eq!(said[3], "line 5; repeats the first line, as in files that were joined");
    assert!(bad.iter().all(|row| row.problems.len() == 1));
}

#[test]
fn bad_columns_that_have_nothing_to_do_with_each_other_are_told_each() {
    let odd = row("c-1").replace("loan", "boat").replace("EUR", "euro").replace("active", "gone");
    let (_, bad) = read(format!("{HEADER}{odd}").as_bytes());
    assert_eq!(bad[0].columns(), "product; currency; status");
}

/// The columns of the case, from the file that somebody's export was.
#[test]
fn addresses_that_cannot_be_mailed_are_taken_with_their_reason() {
    // Cases 02 and 13, by the reasons that pulse-core has tests of.
    let rows: String = ["kontakt@bücher.example", "jürgen@mail.example", "ADA@MAIL.EXAMPLE", "null", ""]
        .iter()
        .enumerate()
        .map(|(n, email)| row(&format!("i-{n}")).replace("ada@example.com", email))
        .collect();
    let found: Vec<_> = open(format!("{HEADER}{rows}").as_bytes())
        .unwrap()
        .map(|row| row.unwrap())
        .map(|(row, customer)| (row.unusable_address.map(|problem| problem.to_string()), customer.contact))
        .collect();
    let kept = |n: usize| match &found[n] {
        (None, Contact::Email(address)) => address.expose().to_owned(),
        (Some(reason), Contact::Unusable) => reason.clone(),
        odd => panic!("{odd:?}"),
    };
    assert_eq!(kept(0), "kontakt@xn--bcher-kva.example");
    assert!(kept(1).contains("U+00FC"));
    assert_eq!(kept(2), "ADA@mail.example");
    assert_eq!(kept(3), "email address has no '@'");
    assert_eq!(kept(4), "email address is empty");
}

#[test]
fn a_customer_is_known_again_by_the_hash_of_the_id() {
    let mut seen = Seen::default();
    for n in 0..10_000 {
        assert_eq!(seen.first(CustomerId::parse(&format!("c-{n}")).unwrap().as_str(), n), Ok(()));
    }
    assert_eq!(seen.first("c-77", 20_000), Err(77));
}

#[test]
fn stray_quotes_in_another_column_cost_no_row_in_silence() {
    let header = HEADER.replace("email", "note,email");
    let noted = |id: &str, note: &str| row(id).replace("ada@example.com", &format!("{note},ada@example.com"));
    let roster =
        [header.as_str(), &noted("c-1", "x"), &noted("c-2", "\"open"), &noted("c-3", "x"), &noted("c-4", "close\"")]
            .concat();
    let (good, bad) = read(roster.as_bytes());
    assert_eq!(ids(&good), ["c-1"]);
    assert!(
        bad.iter().all(|bad| bad.line == 3) && bad[0].cause().contains("is one of its quotes a stray one?"),
        "{bad:?}"
    );
    // A note of several lines is one.
    let roster = [header.as_str(), &noted("c-1", "\"one,\ntwo, three\"")].concat();
    assert_eq!(ids(&read(roster.as_bytes()).0), ["c-1"]);
}

#[test]
fn a_rejected_row_that_opts_out_is_told_apart() {
    let opted_out = |id: &str| row(id).replace("active,no", "active,yes").replace("loan", "boat");
    let (_, bad) = read([HEADER, &opted_out("c-1"), &row("c-2").replace("loan", "boat")].concat().as_bytes());
    assert_eq!(bad.iter().map(|bad| bad.opts_out).collect::<Vec<_>>(), [true, false]);
    let mut findings = Findings::default();
    for bad in &bad {
        findings.reject(bad);
    }
    assert_eq!(findings.rejected_opt_outs(), [2]);
    assert!(
        findings.text(None).starts_with("1 rejected row opts a customer out, from line 2"),
        "{}",
        findings.text(None)
    );
}
