//! What Python's server answers, request by request, and where ours differs.

use narthex::http::start_http_server;

use crate::http_client::ask;
use crate::http_fixture::registry;
use crate::vectors;

/// Rows that show a way of Python's that is not ours.
const NOT_OURS: [(&str, &str); 6] = [
    ("http_server_0001", "`/` is a page with a link, unless the metrics are put there"),
    ("http_server_0002", "a path that is not known is 404"),
    ("http_server_0005", "HEAD is answered as GET is"),
    ("http_server_0008", "the words of a 405 differ, and do not repeat the method"),
    ("http_server_0009", "the words of a 405 differ, and do not repeat the method"),
    ("http_server_0010", "the words of a 405 differ, and do not repeat the method"),
];

#[test]
fn answers_are_those_of_pythons_server() {
    let rows = vectors::rows("http_server.jsonl");
    if rows.is_empty() {
        return;
    }
    let server = start_http_server("127.0.0.1:0", &registry()).unwrap();
    let mut compared = 0;
    for row in rows {
        let id = row["id"].as_str().unwrap();
        if NOT_OURS.iter().any(|(known, _)| *known == id) {
            continue;
        }
        let (request, expected) = (&row["request"], &row["response"]);
        let headers: Vec<_> = request["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (&**name, value.as_str().unwrap()))
            .collect();
        let method = request["method"].as_str().unwrap();
        let answer = ask(server.local_addr(), method, request["path"].as_str().unwrap(), &headers);
        assert_eq!(answer.status, expected["status"], "{id}");
        assert_eq!(
            answer.header("content-type"),
            expected["headers"]["content-type"].as_str(),
            "{id}"
        );
        // `gzip;q=0` refuses gzip; Python compresses all the same.
        let zipped = expected["gzip"] == true && row["quirk"]["recommend"] != "no gzip";
        assert_eq!(answer.header("content-encoding"), zipped.then_some("gzip"), "{id}");
        let body = answer.decoded();
        assert_eq!(body, expected["body"].as_str().unwrap(), "{id}");
        compared += 1;
    }
    assert!(compared >= 10, "only {compared} rows were compared");
}
