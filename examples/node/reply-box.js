// A console's reply box in Node: append, suggest, stream a draft, retone.
//
//     npm install --prefix examples/node
//     node examples/node/reply-box.js 127.0.0.1:50051
//
// If the server requires keys, set DESKHAND_KEY to one with the scope `agent`.

import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import grpc from '@grpc/grpc-js'
import protoLoader from '@grpc/proto-loader'

const address = process.argv[2] ?? '127.0.0.1:50051'
const definition = protoLoader.loadSync(['deskhand/v1/chats.proto', 'deskhand/v1/replies.proto'], {
  includeDirs: [fileURLToPath(new URL('../../proto', import.meta.url))],
  enums: String,
  longs: Number,
  oneofs: true,
  defaults: true,
})
const { ChatService, ReplyService } = grpc.loadPackageDefinition(definition).deskhand.v1
const chats = new ChatService(address, grpc.credentials.createInsecure())
const replies = new ReplyService(address, grpc.credentials.createInsecure())

const agent = { agentId: 'agent-selin', name: 'Selin', groups: ['orders'], language: 'en' }
const metadata = new grpc.Metadata()
if (process.env.DESKHAND_KEY) metadata.set('authorization', `Bearer ${process.env.DESKHAND_KEY}`)
const deadline = () => ({ deadline: Date.now() + 30_000 })

/** A unary call as a promise. */
const call = (client, method, request) =>
  new Promise((resolve, reject) =>
    client[method](request, metadata, deadline(), (error, reply) => (error ? reject(error) : resolve(reply))),
  )

/** Prints a stream. Deltas only show progress; `finished` has the final text. */
async function stream(messages) {
  for await (const message of messages) {
    if (message.event === 'delta') {
      process.stdout.write(message.delta)
    } else {
      const { finished } = message
      const sources = finished.sources.map((source) => source.id).join(', ')
      console.log(`\n  by ${finished.model || 'the built-in engine'}, sources: ${sources}`)
      return finished
    }
  }
  throw new Error('the stream ended without `finished`')
}

const chatId = `example-${randomUUID()}`
// Safe to repeat: every event has a unique id.
const { appended } = await call(chats, 'appendEvents', {
  chatId,
  events: [
    { eventId: '1', customer: { customerId: 'customer-9', name: 'Elif Kaya', language: 'en' } },
    { eventId: '2', form: { answers: { order_number: 'KE-204815' } } },
    { eventId: '3', message: { author: 'AUTHOR_CUSTOMER', text: 'Hello, how do I return a towel?' } },
  ],
})
console.log(`appended ${appended} events`)

console.log('suggestions:')
const { suggestions } = await call(replies, 'suggestAnswers', { chatId, agent, limit: 3 })
for (const { score, title, reason } of suggestions) console.log(`  ${score.toFixed(2)} ${title}: ${reason}`)

console.log('draft:')
const draft = await stream(replies.draftReply({ chatId, agent }, metadata, deadline()))

console.log('friendlier:')
try {
  await stream(replies.retoneReply({ text: draft.text, tone: 'TONE_FRIENDLY', chatId }, metadata, deadline()))
} catch (error) {
  // Changing the tone needs a model; without one the console shows this error.
  if (error.code !== grpc.status.FAILED_PRECONDITION) throw error
  console.log(`  FAILED_PRECONDITION: ${error.details}`)
}
