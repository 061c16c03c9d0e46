// A shop in Node: a saved card, a payment off session, its webhooks, a refund, and all of it listed.
// node flow.mjs API_BASE API_KEY FOLDER, where FOLDER holds node_modules/stripe. Tells in JSON what came of it.

import { createServer } from "node:http";
import { createRequire } from "node:module";

const [base, key, folder] = process.argv.slice(2);
const Stripe = createRequire(`${folder}/`)("stripe");
const { hostname: host, port } = new URL(base);
const stripe = new Stripe(key, { host, port, protocol: "http", maxNetworkRetries: 2, telemetry: false });

const heard = [];
let secret;
const receiver = createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    const event = stripe.webhooks.constructEvent(Buffer.concat(pieces), request.headers["stripe-signature"], secret);
    heard.push(event.type);
    response.writeHead(200).end();
  });
});
await new Promise((ready) => receiver.listen(0, "127.0.0.1", ready));
const endpoint = await stripe.webhookEndpoints.create({
  url: `http://127.0.0.1:${receiver.address().port}/webhooks`,
  enabled_events: ["payment_intent.succeeded", "charge.refunded"],
});
secret = endpoint.secret;

const customer = await stripe.customers.create({ name: "Ada", email: "ada@example.com" });
const setup = await stripe.setupIntents.create({
  customer: customer.id,
  payment_method: "pm_card_visa",
  confirm: true,
  automatic_payment_methods: { enabled: true, allow_redirects: "never" },
});
const payment = await stripe.paymentIntents.create(
  {
    amount: 4200,
    currency: "eur",
    customer: customer.id,
    payment_method: setup.payment_method,
    off_session: true,
    confirm: true,
    return_url: "https://shop.example/done",
    expand: ["latest_charge"],
  },
  { idempotencyKey: "order-1" },
);
const refund = await stripe.refunds.create({ payment_intent: payment.id, amount: 200 });

let refusal;
try {
  await stripe.paymentIntents.create({
    amount: 4200,
    currency: "eur",
    payment_method: "pm_card_visa_chargeDeclinedInsufficientFunds",
    confirm: true,
    automatic_payment_methods: { enabled: true, allow_redirects: "never" },
  });
} catch (error) {
  refusal = { type: error.type, code: error.decline_code, status: error.statusCode };
}

for (let number = 0; number < 12; number += 1) {
  await stripe.customers.create({ name: `Customer ${number}` });
}
const listed = [];
for await (const each of stripe.customers.list({ limit: 5 })) {
  listed.push(each.name);
}

while (heard.length < 2) {
  await new Promise((later) => setTimeout(later, 20));
}
receiver.close();

console.log(
  JSON.stringify({
    setup: setup.status,
    payment: { status: payment.status, received: payment.amount_received, brand: payment.latest_charge.payment_method_details.card.brand },
    refund: { status: refund.status, amount: refund.amount },
    refusal,
    listed,
    heard: heard.sort(),
    version: Stripe.PACKAGE_VERSION,
  }),
);
