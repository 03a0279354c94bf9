// A cache on grpc-go, as small as tests of a client allow: see peers.py, which says what it does.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

type options struct {
	Window          int32
	MaxStreams      uint32  `json:"max_streams"`
	MaxHeaderList   uint32  `json:"max_header_list"`
	HeaderTable     *uint32 `json:"header_table"`
	ConnectionAgeMs int64   `json:"connection_age_ms"`
}

const crowd = 1000

type cache struct {
	contract *protoregistry.Files
	metadata metadata.MD
	items    sync.Map
	gathered atomic.Int32
	isWhole  chan struct{} // closed once the crowd has gathered
}

func (wanted options) forServer() []grpc.ServerOption {
	result := []grpc.ServerOption{grpc.MaxRecvMsgSize(1 << 30)}
	if wanted.Window != 0 {
		result = append(result, grpc.InitialWindowSize(wanted.Window), grpc.InitialConnWindowSize(wanted.Window))
	}
	if wanted.MaxStreams != 0 {
		result = append(result, grpc.MaxConcurrentStreams(wanted.MaxStreams))
	}
	if wanted.MaxHeaderList != 0 {
		result = append(result, grpc.MaxHeaderListSize(wanted.MaxHeaderList))
	}
	if wanted.HeaderTable != nil {
		result = append(result, grpc.HeaderTableSize(*wanted.HeaderTable))
	}
	if wanted.ConnectionAgeMs != 0 {
		age := time.Duration(wanted.ConnectionAgeMs) * time.Millisecond
		result = append(result, grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: age}))
	}
	return result
}

func readContract(path string) *protoregistry.Files {
	written, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err = proto.Unmarshal(written, set); err != nil {
		log.Fatal(err)
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		log.Fatal(err)
	}
	return files
}

func get(message protoreflect.Message, field protoreflect.Name) protoreflect.Value {
	return message.Get(message.Descriptor().Fields().ByName(field))
}

func set(message protoreflect.Message, field protoreflect.Name, value any) {
	message.Set(message.Descriptor().Fields().ByName(field), protoreflect.ValueOf(value))
}

func setResult(message protoreflect.Message, name protoreflect.Name) {
	number := message.Descriptor().Fields().ByName("result").Enum().Values().ByName(name).Number()
	set(message, "result", number)
}

func (c *cache) find(request protoreflect.Message, reply protoreflect.Message) {
	value, found := c.items.Load(string(get(request, "cache_key").Bytes()))
	if !found {
		setResult(reply, "Miss")
		return
	}
	hit(reply, value.([]byte))
}

func hit(reply protoreflect.Message, value []byte) {
	setResult(reply, "Hit")
	set(reply, "cache_body", value)
}

func cacheOf(received metadata.MD) string {
	return strings.Join(received.Get("cache"), "")
}

func mirror(received metadata.MD, reply protoreflect.Message) {
	pairs := [][2]string{}
	for name, values := range received {
		for _, value := range values {
			if strings.HasSuffix(name, "-bin") {
				value = base64.StdEncoding.EncodeToString([]byte(value))
			}
			pairs = append(pairs, [2]string{name, value})
		}
	}
	written, err := json.Marshal(pairs)
	if err != nil {
		log.Fatal(err)
	}
	hit(reply, written)
}

// join waits until the crowd has gathered, or the caller waits no longer.
func (c *cache) join(ctx context.Context) {
	if c.gathered.Add(1) == crowd {
		close(c.isWhole)
	}
	select {
	case <-c.isWhole:
	case <-ctx.Done():
	}
}

func (c *cache) answerGet(ctx context.Context, request, reply protoreflect.Message) {
	received, _ := metadata.FromIncomingContext(ctx)
	switch cacheOf(received) {
	case "mirror":
		mirror(received, reply)
	case "crowd":
		c.join(ctx)
		hit(reply, nil)
	default:
		c.find(request, reply)
	}
}

func (c *cache) handle(_ any, stream grpc.ServerStream) error {
	path, _ := grpc.MethodFromServerStream(stream)
	service, method, _ := strings.Cut(path[1:], "/")
	found, err := c.contract.FindDescriptorByName(protoreflect.FullName(service + "." + method))
	if err != nil {
		return status.Error(codes.Unimplemented, "no such method")
	}
	signature := found.(protoreflect.MethodDescriptor)
	request := dynamicpb.NewMessage(signature.Input())
	if err := stream.RecvMsg(request); err != nil {
		return err
	}
	send := func(fill func(reply protoreflect.Message)) error {
		reply := dynamicpb.NewMessage(signature.Output())
		fill(reply)
		return stream.SendMsg(reply)
	}
	ctx := stream.Context()
	received, _ := metadata.FromIncomingContext(ctx)
	name := cacheOf(received)

	stream.SetTrailer(c.metadata)
	if name == "absent" {
		return status.Error(codes.NotFound, "there is no such cache \u2603")
	}
	if err := stream.SetHeader(c.metadata); err != nil {
		return err
	}
	switch method {
	case "CreateCache", "DeleteCache":
		return send(func(protoreflect.Message) {})
	case "Set":
		c.items.Store(string(get(request, "cache_key").Bytes()), get(request, "cache_body").Bytes())
		return send(func(reply protoreflect.Message) { setResult(reply, "Ok") })
	case "Get":
		return send(func(reply protoreflect.Message) { c.answerGet(ctx, request, reply) })
	case "GetBatch":
		items := get(request, "items").List()
		for i := 0; i < items.Len(); i++ {
			if name == "breaking" && i == 1 {
				return status.Error(codes.ResourceExhausted, "enough of this")
			}
			err := send(func(reply protoreflect.Message) { c.find(items.Get(i).Message(), reply) })
			if err != nil {
				return err
			}
		}
		return nil
	case "Subscribe":
		for i := 0; i <= 100; i++ {
			err := send(func(reply protoreflect.Message) {
				if i == 0 {
					kind := reply.Descriptor().Fields().ByName("heartbeat")
					reply.Set(kind, reply.NewField(kind))
					return
				}
				item := reply.Mutable(reply.Descriptor().Fields().ByName("item")).Message()
				set(item, "topic_sequence_number", uint64(i))
				value := item.Mutable(item.Descriptor().Fields().ByName("value")).Message()
				set(value, "text", fmt.Sprintf("message %d", i))
			})
			if err != nil {
				return err
			}
		}
		<-ctx.Done()
		return ctx.Err()
	}
	return status.Error(codes.Unimplemented, "no such method here")
}

func main() {
	var wanted options
	if err := json.Unmarshal([]byte(os.Args[2]), &wanted); err != nil {
		log.Fatal(err)
	}
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	c := &cache{
		contract: readContract(os.Args[1]),
		isWhole:  make(chan struct{}),
		metadata: metadata.Pairs("err", "a_cause", "long", strings.Repeat("v", 4096), "all-bin", string(every),
			"repeated", "one", "repeated", "two"),
	}
	server := grpc.NewServer(append(wanted.forServer(), grpc.UnknownServiceHandler(c.handle))...)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	ending := make(chan os.Signal, 1)
	signal.Notify(ending, syscall.SIGTERM)
	go func() {
		<-ending
		server.GracefulStop()
	}()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	if err := server.Serve(listener); err != nil {
		log.Fatal(err)
	}
}
