//! How busy the stage worker keeps its lanes under backlog: throughput against lanes / latency, at
//! lognormal latency with the seeds' means, in virtual time. Criterion's own figure is the time
//! that the machine takes for it: what the worker itself costs.
//!
//! `cargo bench -p pulse-tests --bench stage_worker`

use std::{
    hint::black_box,
    sync::{Arc, Mutex},
    time::Duration,
};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::{FutureExt as _, future::join_all};
use pulse_core::{customer::Customer, entry::StageName, message::WorkMessage, ports::Clock as _};
use pulse_sim::{
    clock::VirtualClock,
    mailer::MemoryMailer,
    provider::{Leg, SimulatedLatency},
    scorer::MemoryScorer,
    time::VirtualTime,
};
use pulse_tests::in_memory_stack::{InMemoryStack, SETTINGS, customer, start};
use rand::{SeedableRng as _, rngs::StdRng};
use rand_distr::{Distribution as _, LogNormal};

/// As in template.yaml.
const MAXIMUM_CONCURRENCY: usize = 5;
/// What is due on a day.
const BACKLOG: usize = 20_000;
const SIGMA: f64 = 0.5;
/// The ledger's reads and writes of one message on AWS, which take their time in the lane: some four
/// calls of 5 ms.
const LEDGER_TIME: Duration = Duration::from_millis(20);

/// What one run of the backlog came to.
struct Run {
    took: Duration,
    /// All the time that calls took, the ledger's left out.
    in_calls: Duration,
}

impl Run {
    /// Throughput / (lanes / latency).
    fn busy(&self) -> f64 {
        let lanes = MAXIMUM_CONCURRENCY * SETTINGS.in_flight;
        self.in_calls.as_secs_f64() / (lanes as f64 * self.took.as_secs_f64())
    }
}

/// Calls that take as long as the lognormal distribution says, and the ledger's time before each.
fn latency(time: &VirtualTime, mean: f64, in_calls: &Arc<Mutex<Duration>>) -> SimulatedLatency {
    let latencies = LogNormal::new(mean.ln() - SIGMA * SIGMA / 2.0, SIGMA).expect("a distribution");
    let random = Mutex::new(StdRng::seed_from_u64(7));
    let (time, in_calls) = (time.clone(), in_calls.clone());
    SimulatedLatency::new(move |leg| match leg {
        Leg::There => time.sleep(LEDGER_TIME).boxed(),
        Leg::Back => {
            let seconds: f64 = latencies.sample(&mut *random.lock().expect("not poisoned"));
            let latency = Duration::from_secs_f64(seconds);
            *in_calls.lock().expect("not poisoned") += latency;
            time.sleep(latency).boxed()
        }
    })
}

fn work_off(stage: StageName, mean: f64) -> Run {
    let clock = Arc::new(VirtualClock::starting_at(start()));
    let time = VirtualTime::of(clock.clone());
    let in_calls = Arc::new(Mutex::new(Duration::ZERO));
    let (mut scorer, mut mailer) = (MemoryScorer::new(clock.clone()), MemoryMailer::deduplicating());
    match stage {
        StageName::Score => scorer = scorer.with_latency(latency(&time, mean, &in_calls)),
        StageName::Email => mailer = mailer.with_latency(latency(&time, mean, &in_calls)),
        StageName::Deliver | StageName::Call => unreachable!("its backlog isn't a month's"),
    }
    let stack = InMemoryStack::under(clock.clone(), scorer, mailer);
    let customers: Vec<_> = (0..BACKLOG).map(|n| customer(&format!("c-{n}"))).collect();
    time.run(prepare(&stack, &customers, stage));
    let started = clock.now();
    // Each of the mapping's invocations takes the next batch as soon as it is done with one.
    time.run(join_all((0..MAXIMUM_CONCURRENCY).map(async |_| while stack.invoke(stage).await {})));
    let took = Duration::try_from(clock.now().duration_since(started)).expect("time goes on");
    let calls = match stage {
        StageName::Score => stack.scorer.calls().len(),
        StageName::Email => stack.mailer.accepted().len(),
        StageName::Deliver | StageName::Call => 0,
    };
    assert_eq!(calls, BACKLOG);
    let in_calls = *in_calls.lock().expect("not poisoned");
    Run { took, in_calls }
}

async fn prepare(stack: &InMemoryStack, customers: &[Customer], stage: StageName) {
    stack.enroll(customers).await;
    for customer in customers {
        stack.fire(customer);
    }
    if stage == StageName::Email {
        while stack.invoke(StageName::Score).await {}
        assert_eq!(stack.email.queue.depth().visible, customers.len());
    }
    black_box(WorkMessage::schedule_input(&customers[0].id));
}

fn stage_worker(criterion: &mut Criterion) {
    let lanes = MAXIMUM_CONCURRENCY * SETTINGS.in_flight;
    let mut group = criterion.benchmark_group("stage worker, a day of 20,000 customers as backlog");
    group.throughput(Throughput::Elements(BACKLOG as u64)).sample_size(10);
    for (stage, mean) in [(StageName::Score, 2.4), (StageName::Email, 3.3)] {
        let run = work_off(stage, mean);
        println!(
            "{stage}: {BACKLOG} calls in {:.0} s of virtual time: {:.2}/s; lanes / latency = {lanes} / {mean} s = {:.2}/s; lanes busy {:.1} %",
            run.took.as_secs_f64(),
            BACKLOG as f64 / run.took.as_secs_f64(),
            lanes as f64 / mean,
            100.0 * run.busy()
        );
        group.bench_function(stage.as_str(), |bencher| bencher.iter(|| work_off(stage, mean)));
    }
    group.finish();
}

criterion_group!(benches, stage_worker);
criterion_main!(benches);
