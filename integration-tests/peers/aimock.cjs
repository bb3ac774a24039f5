// aimock as Azure OpenAI (/openai/deployments/{deployment}/…) and as a compatible endpoint (/v1/…). The deployment's name says
// how it behaves. Its journal (/__aimock/journal) holds every request.
const { LLMock } = require('@copilotkit/aimock');

const good = JSON.stringify({
  sections: [
    {
      code: '10164-2',
      statements: [
        { heading: '', text: 'Left knee pain for about two weeks, since a fall on the stairs.', evidence: [2] },
        { heading: '', text: 'Denies numbness, tingling and fever.', evidence: [4, 6, 999] },
      ],
    },
    { code: '51847-2', statements: [{ heading: 'Knee sprain', text: 'Continue ibuprofen; refer to physical therapy.', evidence: [12] }] },
  ],
});
const error = (status, code, message, more) => ({ error: { message, type: 'invalid_request_error', code }, status, ...more });
const busy = (seconds) => error(429, '429', 'Requests have exceeded call rate limit.', { retryAfter: seconds });
const answer = { content: good };
const fixtures = [
  { match: { model: 'good', responseFormat: 'json_schema' }, response: answer },
  { match: { model: 'busy-once', sequenceIndex: 0 }, response: busy(1) },
  { match: { model: 'busy-once' }, response: answer },
  { match: { model: 'busy-long' }, response: busy(120) },
  { match: { model: 'filtered-prompt' }, response: error(400, 'content_filter', "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.") },
  { match: { model: 'filtered-answer' }, response: { content: good.slice(0, 60), finishReason: 'content_filter' } },
  { match: { model: 'cut-off' }, response: { content: good.slice(0, 60), finishReason: 'length' } },
  { match: { model: 'not-the-schema' }, response: { content: 'S: knee pain. P: ibuprofen.' } },
  { match: { model: 'cut-json' }, response: { content: good.slice(0, -2) } },
  { match: { model: 'malformed-body' }, response: answer, chaos: { malformedRate: 1 } },
  { match: { model: 'dropped' }, response: answer, chaos: { disconnectRate: 1 } },
  { match: { model: 'unavailable' }, response: error(503, 'unavailable', 'The engine is currently overloaded.') },
];
const mock = new LLMock({ port: 1, host: '127.0.0.1', auth: { apiKeys: ['peer-key'] } });
mock.addFixtures(fixtures);
mock.start();
