//! Files as programs write them: line ends, encodings, delimiters, names of columns.

use super::*;

fn two_rows() -> String {
    format!("{HEADER}{}{}", row("c-1"), row("c-2").replace("Ada", "Zoë"))
}

fn error(arguments: &[&str], roster: impl AsRef<[u8]>) -> String {
    open_as(arguments, roster.as_ref()).err().unwrap().to_string()
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
}

/// As a program writes it that knows no more than 256 characters.
fn windows_1252(text: &str) -> Vec<u8> {
    let (bytes, _, is_lossy) = encoding_rs::WINDOWS_1252.encode(text);
    assert!(!is_lossy);
    bytes.into_owned()
}

#[test]
fn every_line_end_ends_a_row() {
    for end in ["\n", "\r\n", "\r"] {
        for start in ["", "\u{feff}"] {
            let (good, bad) = read((start.to_owned() + &two_rows().replace('\n', end)).as_bytes());
            assert_eq!(good, [(2, "c-1".to_owned()), (3, "c-2".to_owned())], "{end:?}");
            assert!(bad.is_empty());
        }
    }
    // Another column at the end, as in case 01b.
    let extra = two_rows().replace("opted_out\n", "opted_out,note\n").replace("no\n", "no,x\n").replace('\n', "\r");
    assert_eq!(read(extra.as_bytes()).0.len(), 2);
}

#[test]
fn utf16_is_read_by_its_mark_and_its_rejects_without_a_flag() {
    let roster = two_rows() + &row("c-3").replace("loan", "boat").replace("Ada", "Zoë");
    for bytes in [utf16(&roster, u16::to_le_bytes), utf16(&roster, u16::to_be_bytes)] {
        let names: Vec<_> = open(bytes.as_slice()).unwrap().filter_map(Result::ok).map(|(_, c)| c.name).collect();
        assert_eq!((names.len(), names[1].expose()), (2, "Zoë"));
        let rejects = rejected(open(bytes.as_slice()).unwrap(), None);
        assert!(rejects.starts_with("\u{feff}rejected_line,".as_bytes()));
        let mended = String::from_utf8(rejects).unwrap().replace("boat", "loan");
        let customer = open(mended.as_bytes()).unwrap().next().unwrap().unwrap().1;
        assert_eq!((customer.id.as_str(), customer.name.expose()), ("c-3", "Zoë"));
    }
}

#[test]
fn windows_1252_is_read_when_the_operator_says_so_and_told_otherwise() {
    let flag = ["--encoding", "windows-1252"];
    let roster = windows_1252(&(two_rows() + &row("c-3").replace("loan", "boat").replace("Ada", "Zoë")));
    let (good, bad) = read_as(&flag, &roster);
    assert_eq!((ids(&good), bad.len()), (vec!["c-1", "c-2"], 1));
    // Its rejects are read with the flag, as the file was, and without it.
    let mended =
        String::from_utf8(rejected(open_as(&flag, roster.as_slice()).unwrap(), None)).unwrap().replace("boat", "loan");
    for arguments in [&flag[..], &[]] {
        let customer = open_as(arguments, mended.as_bytes()).unwrap().next().unwrap().unwrap().1;
        assert_eq!(customer.name.expose(), "Zoë");
    }
    // Without it, the rows that need it are told so, and are rejected as they are in the file.
    let (good, bad) = read(&roster);
    assert_eq!(ids(&good), ["c-1"]);
    assert_eq!(told(&bad)[0], "line 3; name: isn't UTF-8");
    assert_eq!(bad[0].cause(), bad[1].cause(), "one cause for the file");
    let rejects = rejected(open(roster.as_slice()).unwrap(), None);
    let again: Vec<_> = open_as(&flag, rejects.as_slice()).unwrap().filter_map(Result::ok).collect();
    assert_eq!((again.len(), again[0].1.name.expose()), (1, "Zoë"));
    // The first line decides for the whole file.
    let header = windows_1252(&two_rows().replace("opted_out\n", "opted_out,größe\n"));
    assert!(error(&[], header).contains("--encoding windows-1252"));
}

#[test]
fn the_delimiter_is_the_one_that_parts_the_first_line_into_a_rosters_columns() {
    for delimiter in [";", "\t", "|"] {
        let roster = two_rows().replace(',', delimiter) + &row("c-3").replace("loan", "a,b;c\td|e");
        let roster = roster.replace("c-3,Ada,ada@example.com,", &format!("c-3{delimiter}Ada{delimiter}{delimiter}"));
        let (good, bad) = read(roster.as_bytes());
        assert_eq!(ids(&good), ["c-1", "c-2"], "{delimiter}");
        assert_eq!(bad.len(), 1);
        let rejects = String::from_utf8(rejected(open(roster.as_bytes()).unwrap(), None)).unwrap();
        assert!(rejects.starts_with(&format!("rejected_line{delimiter}rejected_column{delimiter}")), "{rejects}");
    }
    // A name of a column may have another delimiter in it.
    let odd = two_rows().replace("opted_out\n", "opted_out,\"a;b;c;d\"\n").replace("no\n", "no,\n");
    assert_eq!(read(odd.as_bytes()).0.len(), 2);
}

#[test]
fn the_operator_and_excels_own_line_say_what_parts_the_columns() {
    let colons = two_rows().replace(',', "~");
    assert_eq!(read_as(&["--delimiter", "~"], colons.as_bytes()).0.len(), 2);
    assert!(error(&[], &colons).contains("names no column"));
    for sep in ["sep=~\r\n", "\u{feff}\"sep=~\"\n", "\nSEP=~\n"] {
        let (good, bad) = read((sep.to_owned() + &colons).as_bytes());
        assert!(good.len() == 2 && bad.is_empty(), "{sep:?}");
        assert_eq!(good[0].0, 2 + sep.matches('\n').count() as u64);
    }
    let tabs = "sep=\t\n".to_owned() + &two_rows().replace(',', "\t");
    assert_eq!(read(tabs.as_bytes()).0.len(), 2);
    // Whoever gives the option knows better.
    assert_eq!(read_as(&["--delimiter", ","], format!("sep=;\n{}", two_rows()).as_bytes()).0.len(), 2);
}

#[test]
fn names_of_columns_are_ours_whatever_their_case_and_space() {
    let roster = two_rows()
        .replace("time_zone", " Time Zone\u{a0}")
        .replace("opted_out", "\u{200b}OptedOut")
        .replace("id,", "ID ,");
    assert_eq!(read(roster.as_bytes()).0.len(), 2);
}

#[test]
fn columns_of_other_names_are_mapped() {
    let roster = two_rows().replace("email", "E-mail").replace("id,", "Kunden=Nr,");
    let map = ["--map", "e-MAIL=email", "--map", "Kunden=Nr=ID"];
    assert_eq!(read_as(&map, roster.as_bytes()).0.len(), 2);
    // With another delimiter, these names find it too.
    assert_eq!(read_as(&map, roster.replace(',', ";").as_bytes()).0.len(), 2);
    // A mapped column isn't what its name says any more.
    let swapped = two_rows().replace("id,name", "name,id");
    let customer =
        open_as(&["--map", "name=id", "--map", "id=name"], swapped.as_bytes()).unwrap().next().unwrap().unwrap().1;
    assert_eq!((customer.id.as_str(), customer.name.expose()), ("c-1", "Ada"));

    let told = error(&[], &roster);
    assert!(
        told.contains("no column id, email;") && told.contains("its columns are Kunden=Nr, name, E-mail, product"),
        "{told}"
    );
    let told = error(&["--map", "Kunden=Nr=id"], &roster);
    assert!(told.contains("no column email;") && told.ends_with("give --map \"E-mail=email\""), "{told}");
    let told = error(&["--map", "Mail=email"], &roster);
    assert!(told.contains("no column Mail, which --map names; its columns are Kunden=Nr, name"), "{told}");
    let told = error(
        &["--map", "note=email", "--map", "E-mail=email"],
        two_rows().replace("email", "E-mail").replace("opted_out\n", "opted_out,note\n"),
    );
    assert!(told.contains("two columns for email (E-mail and note)"), "{told}");
    let told = error(&["--map", "name=email"], two_rows());
    assert!(told.contains("two columns for email (name and email)"), "{told}");
}

#[test]
fn a_file_that_is_no_roster_says_what_to_do() {
    for empty in ["", "\n\r\n", "\u{feff}", ",,,,\n  \n"] {
        assert!(error(&[], empty).contains("is empty"), "{empty:?}");
    }
    // Case 12k, and what comes to the same.
    for headers in
        [HEADER.to_owned(), HEADER.replace('\n', "\r"), HEADER.trim_end().to_owned(), format!("{HEADER},,,\n \n")]
    {
        assert!(error(&[], &headers).contains("has no customer"), "{headers:?}");
    }
    assert!(error(&[], "id,name\nc-1,Ada\n").contains("no column email, product"));
    assert!(error(&[], HEADER.replace("id,", "id,Email,")).contains("two columns for email (Email and email)"));
    // A customer may be on the first line, and isn't shown.
    let told = error(&[], row("c-1"));
    assert!(told.contains("names no column") && !told.contains("Ada"), "{told}");
    assert!(error(&[], b"PK\x03\x04").contains(".xlsx"));
    let unmarked: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(error(&[], &unmarked).contains("--encoding UTF-16LE"));
    assert!(error(&["--encoding", "utf-16le"], unmarked).contains("has no customer"));
}
