# A console's reply box in Ruby, with nothing but its HTTP client: search, suggest, stream a draft.
#
#     ruby examples/ruby/reply_box.rb 127.0.0.1:50051
#
# If the server requires keys, set DESKHAND_KEY to one with the scope `agent`.

require "json"
require "net/http"
require "securerandom"

HOST, PORT = (ARGV[0] || "127.0.0.1:50051").split(":")
HTTP = Net::HTTP.start(HOST, PORT.to_i)

def request(method, type, body)
  headers = { "Content-Type" => type, "Connect-Timeout-Ms" => "30000" }
  headers["Authorization"] = "Bearer #{ENV["DESKHAND_KEY"]}" if ENV["DESKHAND_KEY"]
  Net::HTTP::Post.new("/deskhand.v1.#{method}", headers).tap { |post| post.body = body }
end

def fail_with(error)
  abort "#{error["code"]}: #{error["message"]}"
end

def call(method, message)
  response = HTTP.request(request(method, "application/json", JSON.generate(message)))
  reply = JSON.parse(response.body)
  response.is_a?(Net::HTTPSuccess) ? reply : fail_with(reply)
end

# Yields a stream's messages as they come. Each has an envelope: flags, and its length. The last one says whether the stream failed.
def stream(method, message)
  json = JSON.generate(message)
  HTTP.request(request(method, "application/connect+json", [0, json.bytesize].pack("CN") + json)) do |response|
    fail_with(JSON.parse(response.body)) unless response.is_a?(Net::HTTPSuccess)
    received = "".b
    response.read_body do |piece|
      received << piece
      while received.bytesize >= 5 && received.bytesize >= 5 + received.unpack1("@1N")
        flags, length = received.slice!(0, 5).unpack("CN")
        reply = JSON.parse(received.slice!(0, length))
        flags == 2 ? (fail_with(reply["error"]) if reply["error"]) : yield(reply)
      end
    end
  end
end

call("KnowledgeService/Search", query: "return", language: "en", limit: 3)["hits"].each { |hit| puts "found: #{hit["id"]}" }

chat = "example-#{SecureRandom.uuid}"
agent = { agentId: "agent-selin", name: "Selin", language: "en" }
question = { eventId: "1", message: { author: "AUTHOR_CUSTOMER", text: "Hello, how do I return a towel?" } }
# Safe to repeat: every event has an id.
call("ChatService/AppendEvents", chatId: chat, events: [question])
call("ReplyService/SuggestAnswers", chatId: chat, agent: agent, limit: 3)["suggestions"].each do |suggestion|
  puts format("suggested: %.2f %s", suggestion["score"], suggestion["title"])
end
stream("ReplyService/DraftReply", chatId: chat, agent: agent) do |message|
  # Deltas only show progress; `finished` has the final text.
  message["delta"] ? print(message["delta"]) : puts("\ndraft: #{message["finished"]["text"]}")
end
