// node-hl7-server as MLLP receiver: node node-hl7-peer.cjs [AA|AE|AR] [KEY.pem CERT.pem] — with the two files over TLS.
// It answers an unknown MSH-12 by an AE whose MSA-2 is random, and a second message on one connection with the first one's MSA-2.
const fs = require('fs');
const { Server } = require('node-hl7-server');

const [code = 'AA', key, cert] = process.argv.slice(2);
const server = new Server({ bindAddress: '127.0.0.1', ...(key && { tls: { key: fs.readFileSync(key), cert: fs.readFileSync(cert) } }) });
server.createInbound({ port: 1025 }, async (req, res) => {
  const message = req.getMessage();
  const value = (path) => message.get(path)?.toString();
  // This library has undone the escapes already.
  const lines = (obx) => obx.get('5').toArray().map(String).join('\n');
  tell({
    type: `${value('MSH.9.1')}^${value('MSH.9.2')}`, control_id: value('MSH.10'), patient_id: value('PID.3.1'), patient_name: value('PID.5.1'),
    visit: value('PV1.19.1'), document_number: value('TXA.12.1'), status: value('TXA.17'), plain: message.get('OBX').toArray().map(lines),
  });
  await res.sendResponse(code);
}).on('data.error', (e) => console.log('unreadable:', e.message));
