/* What gRPC's own C++ library does with the messages of mayfly, for bench/run.py to measure side by side: a cache as
 * small as can be, and a closed loop of gets and sets, both on completion queues with one thread.
 *
 *     grpc_async server --port N                             prints the port it listens on; 0 takes a free one
 *     grpc_async client --port N --in-flight N --seconds S   prints one line of JSON
 *
 * It is gRPC at its best, and where the two are not alike, gRPC has it easier:
 *
 * - The minimal stack, which leaves out all that is optional: limits, compression, retries, statistics.
 * - No deadlines, though the client of mayfly sends them. The server does not look which cache a call names, and no item
 *   expires or has to make room.
 * - Messages are kept from one call to the next, and so is the memory of their strings. An arena would get it anew.
 * - The server waits for more calls than come at once, so that none of them has to wait for it.
 * - The allocator of mayfly, and libraries that are linked statically, as CMakeLists.txt says.
 *
 * What it has against it is that Debian builds gRPC and Abseil with their assertions. */
#include "cacheclient.grpc.pb.h"

#include <absl/synchronization/mutex.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <unordered_map>
#include <vector>

namespace
{

using cache_client::_GetRequest;
using cache_client::_GetResponse;
using cache_client::_SetRequest;
using cache_client::_SetResponse;
using cache_client::Scs;
using Clock = std::chrono::steady_clock;

/* What `mayfly bench` sends as bench/run.py calls it. */
constexpr unsigned key_count = 10'000;
constexpr size_t value_bytes = 100;
constexpr unsigned reads_percent = 90;
constexpr std::uint64_t ttl_ms = 3'600'000;
constexpr std::chrono::milliseconds warmup{500};

constexpr int waiting_calls = 256; /* of each method, in the server */

/* --- Server --- */

using Items = std::unordered_map<std::string, std::string>;

void get(Items &items, const _GetRequest &request, _GetResponse &response)
{
    const auto found = items.find(request.cache_key());
    if (found != items.end()) {
        response.set_result(cache_client::Hit);
        response.set_cache_body(found->second);
    } else {
        response.set_result(cache_client::Miss);
        response.clear_cache_body();
    }
}

void set(Items &items, const _SetRequest &request, _SetResponse &response)
{
    items[request.cache_key()] = request.cache_body();
    response.set_result(cache_client::Ok);
}

/* What the queue hands back: a call that has come, or one that is answered. It then waits for the next. */
class ServerCall
{
  public:
    virtual ~ServerCall() = default;
    virtual void proceed(bool is_ok) = 0;
};

template <typename Request, typename Response, auto await, auto execute> class Unary final : public ServerCall
{
  public:
    Unary(Scs::AsyncService &service, grpc::ServerCompletionQueue &queue, Items &items)
        : service_(service), queue_(queue), items_(items)
    {
        wait();
    }

    void proceed(bool is_ok) override
    {
        if (is_waiting_ && is_ok)
            answer();
        else
            wait();
    }

  private:
    void wait()
    {
        is_waiting_ = true;
        writer_.reset();
        context_.emplace();
        writer_.emplace(&*context_);
        (service_.*await)(&*context_, &request_, &*writer_, &queue_, &queue_, this);
    }

    void answer()
    {
        is_waiting_ = false;
        execute(items_, request_, response_);
        writer_->Finish(response_, grpc::Status::OK, this);
    }

    Scs::AsyncService &service_;
    grpc::ServerCompletionQueue &queue_;
    Items &items_;
    bool is_waiting_ = false;
    Request request_;
    Response response_;
    std::optional<grpc::ServerContext> context_;
    std::optional<grpc::ServerAsyncResponseWriter<Response>> writer_;
};

using GetCall = Unary<_GetRequest, _GetResponse, &Scs::AsyncService::RequestGet, get>;
using SetCall = Unary<_SetRequest, _SetResponse, &Scs::AsyncService::RequestSet, set>;

int serve(int port)
{
    Scs::AsyncService service;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port), grpc::InsecureServerCredentials(), &port);
    builder.AddChannelArgument(GRPC_ARG_MINIMAL_STACK, 1);
    builder.RegisterService(&service);
    const auto queue = builder.AddCompletionQueue();
    const auto server = builder.BuildAndStart();
    if (server == nullptr) {
        (void)std::fprintf(stderr, "cannot listen on the port\n");
        return EXIT_FAILURE;
    }

    Items items;
    std::vector<std::unique_ptr<ServerCall>> calls;
    for (int i = 0; i < waiting_calls; i++) {
        calls.push_back(std::make_unique<GetCall>(service, *queue, items));
        calls.push_back(std::make_unique<SetCall>(service, *queue, items));
    }
    (void)std::printf("%d\n", port);
    (void)std::fflush(stdout);

    void *tag;
    bool is_ok;
    while (queue->Next(&tag, &is_ok))
        static_cast<ServerCall *>(tag)->proceed(is_ok);
    return EXIT_SUCCESS;
}

/* --- Client --- */

double cpu_seconds()
{
    rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval &time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/* One of a call's two kinds. The reader is in memory that the context of the call owns. */
template <typename Request, typename Response> struct Exchange {
    Request request;
    Response response;
    std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader;
};

struct ClientCall {
    std::optional<grpc::ClientContext> context;
    grpc::Status status;
    bool is_get = false;
    Exchange<_GetRequest, _GetResponse> get;
    Exchange<_SetRequest, _SetResponse> set;
};

class Client
{
  public:
    Client(int port, size_t in_flight) : calls_(in_flight)
    {
        grpc::ChannelArguments arguments;
        arguments.SetInt(GRPC_ARG_MINIMAL_STACK, 1);
        arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
        stub_ = Scs::NewStub(grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port),
                                                       grpc::InsecureChannelCredentials(), arguments));
        for (unsigned number = 0; number < key_count; number++) {
            char key[32];
            (void)std::snprintf(key, sizeof key, "key:%012u", number);
            keys_.emplace_back(key);
        }
        for (ClientCall &call : calls_) {
            call.set.request.set_cache_body(std::string(value_bytes, 'v'));
            call.set.request.set_ttl_milliseconds(ttl_ms);
            idle_.push_back(&call);
        }
    }

    void set_all()
    {
        for (const std::string &key : keys_)
            send_set(take(), key);
        finish();
    }

    /* Keeps all calls in flight, for so long. */
    void load(std::chrono::duration<double> time)
    {
        for (const auto end = Clock::now() + time; Clock::now() < end;) {
            const std::string &key = keys_[random_() % key_count];
            if (random_() % 100 < reads_percent)
                send_get(take(), key);
            else
                send_set(take(), key);
        }
    }

    /* Waits for the replies to all that was sent. */
    void finish()
    {
        while (idle_.size() < calls_.size())
            receive();
    }

    std::uint64_t replies() const
    {
        return replies_;
    }

    std::uint64_t errors() const
    {
        return errors_;
    }

  private:
    /* A call that is free, once one is. */
    ClientCall &take()
    {
        while (idle_.empty())
            receive();
        ClientCall &call = *idle_.back();
        idle_.pop_back();
        return call;
    }

    void receive()
    {
        void *tag;
        bool is_ok;
        if (!queue_.Next(&tag, &is_ok))
            std::abort(); /* nobody shuts it down */
        ClientCall &call = *static_cast<ClientCall *>(tag);
        const bool is_right = call.is_get ? call.get.response.result() == cache_client::Hit &&
                                                call.get.response.cache_body().size() == value_bytes
                                          : call.set.response.result() == cache_client::Ok;
        replies_++;
        errors_ += !is_ok || !call.status.ok() || !is_right;
        idle_.push_back(&call);
    }

    void begin(ClientCall &call, bool is_get)
    {
        call.get.reader.reset();
        call.set.reader.reset();
        call.context.emplace();
        call.context->AddMetadata("cache", "bench");
        call.is_get = is_get;
    }

    void send_get(ClientCall &call, const std::string &key)
    {
        begin(call, true);
        call.get.request.set_cache_key(key);
        call.get.reader = stub_->AsyncGet(&*call.context, call.get.request, &queue_);
        call.get.reader->Finish(&call.get.response, &call.status, &call);
    }

    void send_set(ClientCall &call, const std::string &key)
    {
        begin(call, false);
        call.set.request.set_cache_key(key);
        call.set.reader = stub_->AsyncSet(&*call.context, call.set.request, &queue_);
        call.set.reader->Finish(&call.set.response, &call.status, &call);
    }

    grpc::CompletionQueue queue_;
    std::unique_ptr<Scs::Stub> stub_;
    std::vector<std::string> keys_;
    std::vector<ClientCall> calls_;
    std::vector<ClientCall *> idle_;
    std::minstd_rand random_;
    std::uint64_t replies_ = 0;
    std::uint64_t errors_ = 0;
};

int ask(int port, size_t in_flight, double seconds)
{
    Client client(port, in_flight);
    client.set_all();
    client.load(warmup);

    const auto from = Clock::now();
    const double cpu_from = cpu_seconds();
    const std::uint64_t replies_from = client.replies();
    client.load(std::chrono::duration<double>(seconds));
    const std::uint64_t requests = client.replies() - replies_from;
    const double cpu = cpu_seconds() - cpu_from;
    const std::chrono::duration<double> took = Clock::now() - from;

    client.finish();
    (void)std::printf("{\"requests\": %llu, \"seconds\": %.6f, \"requests_per_second\": %.1f, "
                      "\"cpu_seconds\": %.6f, \"requests_with_warmup\": %llu, \"errors\": %llu}\n",
                      static_cast<unsigned long long>(requests), took.count(),
                      static_cast<double>(requests) / took.count(), cpu,
                      static_cast<unsigned long long>(client.replies()),
                      static_cast<unsigned long long>(client.errors()));
    return EXIT_SUCCESS;
}

int tell_usage()
{
    (void)std::fprintf(stderr, "usage: grpc_async server --port N\n"
                               "       grpc_async client --port N --in-flight N --seconds S\n");
    return 2;
}

} // namespace

int main(int argc, char **argv)
{
    /* With assertions Abseil looks for deadlocks whenever a lock is taken, unless told not to. */
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);

    const std::string_view mode = argc > 1 ? argv[1] : "";
    int port = 0;
    size_t in_flight = 100;
    double seconds = 3;
    for (int i = 2; i < argc; i += 2) {
        const std::string_view name = argv[i];
        if (i + 1 == argc)
            return tell_usage();
        if (name == "--port")
            port = std::atoi(argv[i + 1]);
        else if (name == "--in-flight")
            in_flight = std::strtoul(argv[i + 1], nullptr, 10);
        else if (name == "--seconds")
            seconds = std::atof(argv[i + 1]);
        else
            return tell_usage();
    }
    if (mode == "server")
        return serve(port);
    if (mode == "client" && in_flight > 0)
        return ask(port, in_flight, seconds);
    return tell_usage();
}
