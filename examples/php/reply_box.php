<?php
// A console's reply box in PHP, with nothing but its HTTP client: search, suggest, stream a draft.
//
//     php examples/php/reply_box.php 127.0.0.1:50051
//
// If the server requires keys, set DESKHAND_KEY to one with the scope `agent`.

declare(strict_types=1);

$address = $argv[1] ?? '127.0.0.1:50051';

/** Opens a call, of which the reply is read. A stream's message has an envelope: flags, and its length. */
function open(string $method, array $message, bool $streams = false)
{
    global $address;
    $body = json_encode($message, JSON_THROW_ON_ERROR);
    $headers = ['Content-Type: application/' . ($streams ? 'connect+json' : 'json'), 'Connect-Timeout-Ms: 30000'];
    if ($key = getenv('DESKHAND_KEY')) $headers[] = "Authorization: Bearer $key";
    $http = ['method' => 'POST', 'header' => $headers, 'content' => $streams ? pack('CN', 0, strlen($body)) . $body : $body, 'ignore_errors' => true];
    return fopen("http://$address/deskhand.v1.$method", 'r', false, stream_context_create(['http' => $http])) ?: exit("no server at $address\n");
}

function call(string $method, array $message): array
{
    $reply = json_decode(stream_get_contents(open($method, $message)), true, flags: JSON_THROW_ON_ERROR);
    if (isset($reply['code'])) throw new RuntimeException("{$reply['code']}: {$reply['message']}");
    return $reply;
}

/** A stream's messages, as they come. Its last envelope says whether it failed. */
function stream(string $method, array $message): Generator
{
    for ($reply = open($method, $message, true); ; yield $json) {
        ['flags' => $flags, 'length' => $length] = unpack('Cflags/Nlength', stream_get_contents($reply, 5));
        $json = json_decode(stream_get_contents($reply, $length), true, flags: JSON_THROW_ON_ERROR);
        if ($flags !== 2) continue;
        if (isset($json['error'])) throw new RuntimeException("{$json['error']['code']}: {$json['error']['message']}");
        return;
    }
}

foreach (call('KnowledgeService/Search', ['query' => 'return', 'language' => 'en', 'limit' => 3])['hits'] as $hit) echo "found: {$hit['id']}\n";

$chat = 'example-' . bin2hex(random_bytes(8));
$agent = ['agentId' => 'agent-selin', 'name' => 'Selin', 'language' => 'en'];
$question = ['eventId' => '1', 'message' => ['author' => 'AUTHOR_CUSTOMER', 'text' => 'Hello, how do I return a towel?']];
// Safe to repeat: every event has an id.
call('ChatService/AppendEvents', ['chatId' => $chat, 'events' => [$question]]);
foreach (call('ReplyService/SuggestAnswers', ['chatId' => $chat, 'agent' => $agent, 'limit' => 3])['suggestions'] as $suggestion) {
    printf("suggested: %.2f %s\n", $suggestion['score'], $suggestion['title']);
}
foreach (stream('ReplyService/DraftReply', ['chatId' => $chat, 'agent' => $agent]) as $message) {
    // Deltas only show progress; `finished` has the final text.
    echo $message['delta'] ?? "\ndraft: {$message['finished']['text']}\n";
}
