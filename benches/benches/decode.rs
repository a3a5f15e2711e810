//! Times by criterion; each group is named for the question it answers.
//!
//! Throughput is bytes of XML in. Limits and peers run with our decoder, on the same response.

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{
    criterion_group, criterion_main, BenchmarkGroup, BenchmarkId, Criterion, Throughput,
};

use exportitems::ItemId;
use exportitems_benches::corpus::Corpus;
use exportitems_benches::{ours, peers, ENGINE, FEED};

criterion_group!(
    benches,
    large_flat,
    wrapped,
    small_items,
    feeds,
    scratches,
    errors,
    requests,
    payload_check,
    push_or_pull
);
criterion_main!(benches);

fn large_flat(criterion: &mut Criterion) {
    let corpus = Corpus::items(1, 8 << 20, None);
    let mut group = group(
        criterion,
        "how far from bare base64 are large items",
        &corpus,
    );
    limits(&mut group, &corpus);
    beside_peers(&mut group, &corpus, false);
}

fn wrapped(criterion: &mut Criterion) {
    let corpus = Corpus::items(1, 8 << 20, Some(76));
    let mut group = group(criterion, "what do lines of 76 columns cost", &corpus);
    limits(&mut group, &corpus);
    beside_peers(&mut group, &corpus, true);
}

fn small_items(criterion: &mut Criterion) {
    let corpus = Corpus::items(2_000, 600, None);
    let mut group = group(
        criterion,
        "what does the XML around items of 600 bytes cost",
        &corpus,
    );
    limits(&mut group, &corpus);
    beside_peers(&mut group, &corpus, false);
}

fn feeds(criterion: &mut Criterion) {
    let corpus = Corpus::items(1, 1 << 20, None);
    let mut group = group(criterion, "how small may the feeds be", &corpus);
    for feed in [1, 64, 1460, FEED, 1 << 20] {
        let mut scratch = vec![0; FEED];
        group.bench_function(BenchmarkId::from_parameter(feed), |bencher| {
            bencher.iter(|| ours::push(&corpus.xml, feed, &mut scratch, true));
        });
    }
}

fn scratches(criterion: &mut Criterion) {
    let corpus = Corpus::items(1, 1 << 20, None);
    let mut group = group(criterion, "how small may the scratch be", &corpus);
    for size in [64, 256, 512, 4 << 10, FEED] {
        let mut scratch = vec![0; size];
        group.bench_function(BenchmarkId::new("borrowed", size), |bencher| {
            bencher.iter(|| ours::push(&corpus.xml, FEED, &mut scratch, true));
        });
    }
    inline::<64>(&mut group, &corpus);
    inline::<256>(&mut group, &corpus);
    inline::<512>(&mut group, &corpus);
    inline::<{ 4 << 10 }>(&mut group, &corpus);
    inline::<FEED>(&mut group, &corpus);
}

fn inline<const N: usize>(group: &mut BenchmarkGroup<'_, WallTime>, corpus: &Corpus) {
    group.bench_function(BenchmarkId::new("inline", N), |bencher| {
        bencher.iter(|| ours::push_inline::<N>(&corpus.xml, FEED));
    });
}

fn errors(criterion: &mut Criterion) {
    let corpus = Corpus::errors(1_000);
    let mut group = group(criterion, "how fast is a batch of errors", &corpus);
    beside_peers(&mut group, &corpus, false);
}

fn requests(criterion: &mut Criterion) {
    let ids: Vec<String> = (0..1_000).map(|i| format!("AAMkAGYz+{i:0140}=")).collect();
    let items: Vec<_> = ids.iter().map(|id| ItemId::new(id)).collect();
    let mut out = vec![0; FEED];
    let length = ours::encode(&items, &mut out);
    let mut group = criterion.benchmark_group("how fast is a request of 1000 ids written");
    group.throughput(Throughput::Bytes(length));
    for size in [64, 1460, FEED] {
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| ours::encode(&items, &mut out[..size]));
        });
    }
}

fn payload_check(criterion: &mut Criterion) {
    for (name, corpus) in [
        ("large items", Corpus::items(1, 8 << 20, None)),
        ("items of 600 bytes", Corpus::items(2_000, 600, None)),
    ] {
        let mut group = group(
            criterion,
            &format!("what does the payload check of {name} cost"),
            &corpus,
        );
        let mut scratch = vec![0; FEED];
        for (name, check) in [("on", true), ("off", false)] {
            group.bench_function(name, |bencher| {
                bencher.iter(|| ours::push(&corpus.xml, FEED, &mut scratch, check));
            });
        }
    }
}

fn push_or_pull(criterion: &mut Criterion) {
    let corpus = Corpus::items(200, 20_000, None);
    let mut group = group(criterion, "push or pull", &corpus);
    let mut scratch = vec![0; FEED];
    group.bench_function("push", |bencher| {
        bencher.iter(|| ours::push(&corpus.xml, FEED, &mut scratch, true));
    });
    group.bench_function("pull", |bencher| {
        bencher.iter(|| ours::pull(&corpus.xml, FEED, &mut scratch));
    });
}

fn group<'a>(
    criterion: &'a mut Criterion,
    question: &str,
    corpus: &Corpus,
) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(question);
    group.throughput(Throughput::Bytes(corpus.xml.len() as u64));
    group.sample_size(20);
    group.warm_up_time(Duration::from_millis(500));
    group.measurement_time(Duration::from_secs(2));
    group
}

/// The upper limits: the memory, the search for `<`, and the base64 alone.
fn limits(group: &mut BenchmarkGroup<'_, WallTime>, corpus: &Corpus) {
    let mut window = vec![0; FEED];
    group.bench_function("limit: memcpy", |bencher| {
        bencher.iter(|| peers::memcpy(&corpus.xml, &mut window));
    });
    group.bench_function("limit: memchr", |bencher| {
        bencher.iter(|| peers::memchr(&corpus.xml));
    });
    for engine in peers::ENGINES {
        group.bench_function(format!("limit: {}", engine.name), |bencher| {
            bencher.iter(|| (engine.decode)(&corpus.symbols, &mut window));
        });
    }
}

fn beside_peers(group: &mut BenchmarkGroup<'_, WallTime>, corpus: &Corpus, strip: bool) {
    let xml = &corpus.xml[..];
    let mut scratch = vec![0; FEED];
    group.bench_function(format!("ours, {ENGINE}"), |bencher| {
        bencher.iter(|| ours::push(xml, FEED, &mut scratch, true));
    });
    let how = if strip { " + stripping" } else { "" };
    group.bench_function(format!("quick-xml slice{how} + base64"), |bencher| {
        bencher.iter(|| peers::quick_xml_slice(xml, strip));
    });
    group.bench_function(format!("quick-xml BufRead{how} + base64"), |bencher| {
        bencher.iter(|| peers::quick_xml_buffered(xml, strip));
    });
    group.bench_function("rxml + stripping + base64", |bencher| {
        bencher.iter(|| peers::rxml(xml));
    });
    group.bench_function("roxmltree + stripping + base64", |bencher| {
        bencher.iter(|| peers::roxmltree(xml));
    });
}
