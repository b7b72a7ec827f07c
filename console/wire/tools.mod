// The module file with which ./generate builds protoc-gen-go-grpc. It is separate from go.mod
// because no package of this module imports the program.
module tools

go 1.26.0

require google.golang.org/grpc/cmd/protoc-gen-go-grpc v1.6.0

require google.golang.org/protobuf v1.36.12 // indirect
