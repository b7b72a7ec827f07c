// Command leaky leaks a goroutine and serves its profiles.
package main

import (
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
)

func main() {
	leak()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	_ = http.Serve(l, nil)
}

func leak() {
	ch := make(chan int)
	go func() { <-ch }()
}
