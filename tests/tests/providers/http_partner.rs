use std::{collections::BTreeSet, time::Duration};

use pulse_core::{
    entry::EntryId,
    ports::{Partner as _, PartnerAnswer, PartnerError, PartnerRequest},
};
use pulse_local::standins::{PartnerStandIn, StandInFault, StandInOptions};
use pulse_providers::{HttpPartner, secret::Authorization};
use pulse_tests::providers::{PartnerBench, PartnerTrouble, partner_conformance, samples::errand};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

const AMPLE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);

async fn stand_in() -> PartnerStandIn {
    PartnerStandIn::start(StandInOptions::default()).await.unwrap()
}

fn partner(stand_in: &PartnerStandIn, timeout: Duration) -> HttpPartner {
    let authorization = Authorization::new(&stand_in.authorization().into()).unwrap();
    HttpPartner::new(&stand_in.url(), Some(authorization.into()), timeout).unwrap()
}

/// What is made of one answer.
async fn meets(fault: StandInFault) -> Result<PartnerAnswer, PartnerError> {
    let stand_in = stand_in().await;
    let silent = matches!(fault, StandInFault::Silence | StandInFault::WorkThenSilence);
    stand_in.faults().add([fault]);
    partner(&stand_in, if silent { SHORT } else { AMPLE }).ask(&errand(1)).await
}

fn says(status: u16, body: Value) -> StandInFault {
    StandInFault::Json { status, body }
}

#[tokio::test]
async fn the_http_partner_conforms() {
    let stand_in = stand_in().await;
    partner_conformance(PartnerBench {
        partner: &partner(&stand_in, AMPLE),
        provoke: &|trouble| {
            stand_in.faults().add([match trouble {
                PartnerTrouble::Busy => StandInFault::busy("7"),
                PartnerTrouble::Down => StandInFault::status(503),
                PartnerTrouble::NotReady => StandInFault::Status { status: 202, retry_after: Some("7".into()) },
                PartnerTrouble::Refused => StandInFault::status(422),
                PartnerTrouble::AnswerLost => StandInFault::WorkThenHangUp,
            }]);
        },
    })
    .await;
    assert_eq!(stand_in.references().len(), 5);
}

#[tokio::test]
async fn done_is_done_with_a_reference_or_without() {
    let reference = |answer: Result<PartnerAnswer, PartnerError>| match answer {
        Ok(PartnerAnswer::Done { reference }) => reference.map(|reference| reference.expose().to_owned()),
        other => panic!("not done: {other:?}"),
    };
    let named = meets(says(200, json!({ "reference": " INV-42 ", "more": 1 }))).await;
    assert_eq!(reference(named).as_deref(), Some("INV-42"));
    assert_eq!(
        reference(meets(says(201, json!({ "reference": "\u{8acb}\u{6c42}" }))).await).as_deref(),
        Some("\u{8acb}\u{6c42}")
    );
    for nameless in [
        says(200, json!({})),
        says(200, json!({ "reference": null })),
        says(200, json!("done")),
        says(200, json!([])),
        StandInFault::status(204),
        StandInFault::Garbage,
        StandInFault::Flood(1 << 20),
    ] {
        assert_eq!(reference(meets(nameless).await), None);
    }
}

#[tokio::test]
async fn a_reference_that_can_t_be_used_is_trouble_and_not_shown() {
    for bad in [json!(42), json!(""), json!("x".repeat(101)), json!("a\nb"), json!({ "id": "secret" })] {
        let error = meets(says(200, json!({ "reference": bad }))).await.unwrap_err();
        assert!(matches!(error, PartnerError::Retry { .. }), "{bad}: {error:?}");
        let told = error.to_string();
        assert!(told.contains("a reference that can't be used") && !told.contains("secret"), "{told}");
    }
}

#[tokio::test]
async fn a_refusal_tells_its_status_alone() {
    for status in [400, 404, 410, 422] {
        let error = meets(says(status, json!({ "message": "Ada O'Brien owes nothing" }))).await.unwrap_err();
        assert!(matches!(error, PartnerError::Fail { .. }), "{status}: {error:?}");
        let told = error.to_string();
        assert!(told.contains(&status.to_string()) && !told.contains("Ada"), "{told}");
    }
    for status in [301, 401, 403, 408, 425, 429, 500, 502, 503, 504] {
        let error = meets(StandInFault::status(status)).await.unwrap_err();
        assert!(matches!(error, PartnerError::Retry { .. }), "{status}: {error:?}");
    }
    for status in [202, 409] {
        assert_eq!(meets(StandInFault::status(status)).await, Ok(PartnerAnswer::NotReady { after: None }));
    }
}

#[tokio::test]
async fn a_call_without_an_answer_is_made_again_and_done_once() {
    for fault in [StandInFault::Silence, StandInFault::HangUp] {
        assert!(matches!(meets(fault).await, Err(PartnerError::Retry { after: None, .. })));
    }
    let stand_in = stand_in().await;
    stand_in.faults().add([StandInFault::WorkThenSilence]);
    let partner = partner(&stand_in, SHORT);
    assert!(partner.ask(&errand(1)).await.is_err());
    assert!(matches!(partner.ask(&errand(1)).await, Ok(PartnerAnswer::Done { reference: Some(_) })));
    assert_eq!((stand_in.references().len(), stand_in.meter().calls()), (1, 2));
    let (gone, url) = (stand_in, partner);
    gone.stop().await;
    assert_eq!(url.ask(&errand(1)).await.unwrap_err().to_string(), "The partner can't be reached.");
}

/// What goes over the wire, to the byte: strangers build by it.
#[tokio::test]
async fn a_partner_is_told_which_run_and_customer_and_nothing_more() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let heard = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut heard = String::new();
        while !heard.contains("\r\n\r\n{") || !heard.ends_with('}') {
            let mut part = [0; 4096];
            let read = socket.read(&mut part).await.unwrap();
            heard.push_str(std::str::from_utf8(&part[..read]).unwrap());
        }
        socket.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        heard
    });
    let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
    let trace = pulse_core::trace::TraceHeader::parse(trace).ok();
    let answer = HttpPartner::new(&url, None, AMPLE).unwrap().ask(&PartnerRequest { trace, ..errand(1042) }).await;
    assert_eq!(answer, Ok(PartnerAnswer::Done { reference: None }));
    let heard = heard.await.unwrap();
    let (headers, body) = heard.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, r#"{"version":1,"run":"2026-11","customer":"c-1042","asked_at":"2026-11-03T10:00:00Z"}"#);
    let headers = headers.to_lowercase();
    for line in [
        "post /hook http/1.1",
        "idempotency-key: c-1042_2026-11",
        "content-type: application/json",
        "x-amzn-trace-id: root=1-5759e988-bd862e3fe1be46a994272793;sampled=1",
    ] {
        assert!(headers.contains(line), "{headers}");
    }
    assert!(!headers.contains("authorization"), "{headers}");
}

#[tokio::test]
async fn each_item_of_a_customer_is_asked_for_by_its_own_key_and_named_in_the_body() {
    let stand_in = stand_in().await;
    let partner = partner(&stand_in, AMPLE);
    let of = |item| EntryId::parse("c-1", "invoices", item).unwrap();
    let all = [None, Some("INV-1"), Some("INV-2")].map(of);
    for entry in all.iter().chain(&all) {
        let answer = partner.ask(&PartnerRequest { entry: entry.clone(), ..errand(1) }).await;
        let reference = stand_in.references().get(entry).cloned();
        assert_eq!(answer, Ok(PartnerAnswer::Done { reference }), "{entry}");
    }
    let references = stand_in.references();
    assert!(references.keys().eq(&all) && references.values().collect::<BTreeSet<_>>().len() == 3, "{references:?}");
}
