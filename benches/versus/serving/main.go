// Serves the same counters over HTTP by Go's client: serving SERIES. It prints its address and
// serves until it is killed.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func main() {
	series, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	registry := prometheus.NewRegistry()
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "http_requests_total",
		Help: "Requests by method, path and code.",
	}, []string{"method", "path", "code"})
	registry.MustRegister(requests)
	methods := []string{"GET", "HEAD", "POST", "PUT", "DELETE"}
	codes := []string{"200", "304", "404", "500"}
	for number := 0; number < series; number++ {
		path := fmt.Sprintf("/api/v1/items/%05d", number/20)
		requests.WithLabelValues(methods[number%5], path, codes[number/5%4]).Add(float64(number))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("http://%s/metrics\n", listener.Addr())
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	panic(http.Serve(listener, nil))
}
