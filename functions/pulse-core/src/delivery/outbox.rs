use super::{Delivery, Endpoint, Fact};

/// Who is told of what: the endpoints that there are.
#[derive(Debug, Clone, Copy)]
pub struct Outbox<'e> {
    /// All of them, those that are held too: word for them waits.
    pub endpoints: &'e [Endpoint],
}

impl Outbox<'_> {
    /// The deliveries that facts make: one for each endpoint that asks for a fact.
    #[must_use]
    pub fn deliveries(&self, facts: &[Fact]) -> Vec<Delivery> {
        let asked = |fact| self.endpoints.iter().filter(move |endpoint| endpoint.wants(fact)).map(move |to| (fact, to));
        facts.iter().flat_map(asked).map(|(fact, endpoint)| Delivery::of(fact.clone(), endpoint.name.clone())).collect()
    }
}
