// simple-hl7 as MLLP receiver: node simple-hl7-peer.cjs [refuse] — with refuse it answers AR and an ERR segment.
const hl7 = require('simple-hl7');

const app = hl7.tcp();
app.use((req, res, next) => {
  const { header, segments } = req.msg;
  const segment = (name) => req.msg.getSegment(name);
  tell({
    type: header.getComponent(7, 1) + '^' + header.getComponent(7, 2), control_id: header.getField(8), patient_id: segment('PID').getComponent(3, 1),
    patient_name: segment('PID').getComponent(5, 1), visit: segment('PV1').getComponent(19, 1), document_number: segment('TXA').getComponent(12, 1),
    status: segment('TXA').getField(17), segments: segments.map((s) => s.name), texts: segments.filter((s) => s.name === 'OBX').map((s) => s.getField(5)),
  });
  next(process.argv[2] === 'refuse' ? new Error('no room') : undefined);
});
app.use((req, res) => res.end());
app.use((err, req, res, next) => {
  res.ack.getSegment('MSA').setField(1, 'AR');
  res.ack.addSegment('ERR', err.message);
  res.end();
});
app.start(1);
