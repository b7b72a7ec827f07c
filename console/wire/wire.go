// Package wire holds the messages that a program and its viewers exchange: the .proto files of
// this directory. ./generate writes their Go code into the packages below this one.
//
// The messages are those of console-api 0.9, the protocol of tokio-console, so that a viewer or a
// program may also come from the tokio-console project. Exceptions are goroutines.proto and
// events.proto, which are additions of this project.
package wire

//go:generate ./generate
