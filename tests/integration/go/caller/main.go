// Makes calls with grpc-go as it is told on standard input, and tells how they ended: see peers.py, which says what a
// line of JSON is in either direction. A message is bytes here, whatever it means.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

type order struct {
	Target  string
	Options options
	Calls   []call
}

type options struct {
	Window        int32  // of a stream and of the connection; fixed, once it is set
	MaxHeaderList uint32 `json:"max_header_list"`
}

type call struct {
	Path        string
	Request     []byte
	Metadata    [][2]string
	TimeoutMs   int64 `json:"timeout_ms"`
	CancelAfter int   `json:"cancel_after"` // so many replies, once all that are to be cancelled have theirs
}

type outcome struct {
	Code     int         `json:"code"`
	Message  string      `json:"message"`
	Initial  [][2]string `json:"initial"`
	Trailing [][2]string `json:"trailing"`
	Replies  [][]byte    `json:"replies"`
}

// What gRPC would turn messages into bytes with, if they were not bytes already.
type bytesCodec struct{}

func (bytesCodec) Name() string                             { return "proto" }
func (bytesCodec) Marshal(message any) ([]byte, error)      { return *message.(*[]byte), nil }
func (bytesCodec) Unmarshal(data []byte, message any) error { *message.(*[]byte) = data; return nil }

func connect(target string, wanted options) *grpc.ClientConn {
	dialing := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(bytesCodec{}), grpc.MaxCallRecvMsgSize(1<<30)),
	}
	if wanted.Window != 0 {
		dialing = append(dialing, grpc.WithInitialWindowSize(wanted.Window),
			grpc.WithInitialConnWindowSize(wanted.Window))
	}
	if wanted.MaxHeaderList != 0 {
		dialing = append(dialing, grpc.WithMaxHeaderListSize(wanted.MaxHeaderList))
	}
	connection, err := grpc.NewClient(target, dialing...)
	if err != nil {
		log.Fatal(err)
	}
	return connection
}

// In JSON the value of a name that ends so is base64, here it is bytes.
func isBinary(name string) bool { return strings.HasSuffix(name, "-bin") }

func outgoing(pairs [][2]string) metadata.MD {
	sent := metadata.MD{}
	for _, pair := range pairs {
		value := pair[1]
		if isBinary(pair[0]) {
			decoded, err := base64.StdEncoding.DecodeString(value)
			if err != nil {
				log.Fatal(err)
			}
			value = string(decoded)
		}
		sent.Append(pair[0], value)
	}
	return sent
}

func incoming(received metadata.MD) [][2]string {
	pairs := [][2]string{}
	for name, values := range received {
		for _, value := range values {
			if isBinary(name) {
				value = base64.StdEncoding.EncodeToString([]byte(value))
			}
			pairs = append(pairs, [2]string{name, value})
		}
	}
	sort.SliceStable(pairs, func(i, j int) bool { return pairs[i][0] < pairs[j][0] })
	return pairs
}

func carryOut(connection *grpc.ClientConn, wanted call, cancelled *sync.WaitGroup) (result outcome) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(wanted.TimeoutMs)*time.Millisecond)
	defer cancel()
	waited := wanted.CancelAfter == 0
	arrive := func() {
		if !waited {
			waited = true
			cancelled.Done()
		}
	}
	defer arrive()

	result.Replies = [][]byte{}
	stream, err := connection.NewStream(metadata.NewOutgoingContext(ctx, outgoing(wanted.Metadata)),
		&grpc.StreamDesc{ServerStreams: true}, wanted.Path)
	if err == nil {
		// Where this fails, receiving says why.
		_ = stream.SendMsg(&wanted.Request)
		_ = stream.CloseSend()
		for {
			var reply []byte
			if err = stream.RecvMsg(&reply); err != nil {
				break
			}
			result.Replies = append(result.Replies, append([]byte{}, reply...))
			if !waited && len(result.Replies) == wanted.CancelAfter {
				arrive()
				cancelled.Wait()
				cancel()
			}
		}
		initial, _ := stream.Header()
		result.Initial, result.Trailing = incoming(initial), incoming(stream.Trailer())
	}
	if err.Error() != "EOF" {
		problem, _ := status.FromError(err)
		result.Code, result.Message = int(problem.Code()), problem.Message()
	}
	return result
}

func main() {
	orders, answers := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	connections := map[string]*grpc.ClientConn{}
	for {
		var wanted order
		if orders.Decode(&wanted) != nil {
			return
		}
		if connections[wanted.Target] == nil {
			connections[wanted.Target] = connect(wanted.Target, wanted.Options)
		}
		outcomes := make([]outcome, len(wanted.Calls))
		var done, cancelled sync.WaitGroup
		for _, each := range wanted.Calls {
			if each.CancelAfter != 0 {
				cancelled.Add(1)
			}
		}
		done.Add(len(wanted.Calls))
		for i := range wanted.Calls {
			go func(i int) {
				defer done.Done()
				outcomes[i] = carryOut(connections[wanted.Target], wanted.Calls[i], &cancelled)
			}(i)
		}
		done.Wait()
		if err := answers.Encode(outcomes); err != nil {
			log.Fatal(err)
		}
	}
}
