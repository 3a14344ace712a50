//! Serves the same counters over HTTP, by the one who is named: `serving narthex|metrics SERIES`.
//! It prints its address and serves until it is killed.

use std::env;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use metrics::{Key, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::PrometheusBuilder;
use narthex::http::MetricsServer;
use narthex::{CollectorRegistry, Counter};

type Done<T = ()> = Result<T, Box<dyn Error>>;

const NAME: &str = "http_requests";
const HELP: &str = "Requests by method, path and code.";
const LABELS: [&str; 3] = ["method", "path", "code"];

/// The labels of the child of a number, which is its value as well.
fn values(number: usize) -> [String; 3] {
    let method = ["GET", "HEAD", "POST", "PUT", "DELETE"][number % 5];
    let code = ["200", "304", "404", "500"][number / 5 % 4];
    [method.to_owned(), format!("/api/v1/items/{:05}", number / 20), code.to_owned()]
}

fn main() -> Done {
    let mut arguments = env::args().skip(1);
    let (Some(who), Some(series)) = (arguments.next(), arguments.next()) else {
        return Err("usage: serving narthex|metrics SERIES".into());
    };
    let series = series.parse()?;
    match &*who {
        "narthex" => serve_narthex(series),
        "metrics" => serve_metrics(series),
        _ => Err(format!("nobody is called {who}").into()),
    }
}

fn serve_narthex(series: usize) -> Done {
    let registry = CollectorRegistry::new();
    let requests = Counter::builder(NAME, HELP).labels(LABELS).register(&registry)?;
    for number in 0..series {
        let [method, path, code] = values(number);
        requests.labels([&*method, &*path, &*code]).inc_by(number as f64);
    }
    let server = MetricsServer::builder(&registry).start((Ipv4Addr::LOCALHOST, 0))?;
    println!("http://{}/metrics", server.local_addr());
    loop {
        std::thread::park();
    }
}

fn serve_metrics(series: usize) -> Done {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // It says nowhere which port it took.
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let _entered = runtime.enter();
    let builder = PrometheusBuilder::new().with_http_listener(SocketAddr::from(free));
    let (recorder, serving) = builder.build()?;
    recorder.describe_counter(NAME.into(), None, HELP.into());
    let metadata = Metadata::new(module_path!(), Level::INFO, None);
    for number in 0..series {
        let labels = LABELS.iter().zip(values(number));
        let labels: Vec<_> = labels.map(|(name, value)| Label::new(*name, value)).collect();
        let key = Key::from_parts(NAME, labels);
        recorder.register_counter(&key, &metadata).increment(number as u64);
    }
    println!("http://{free}/metrics");
    runtime.block_on(serving).map_err(|error| format!("{error:?}").into())
}
