// @medplum/hl7 as MLLP receiver: node medplum-hl7.cjs [AA|AE|AR|enhanced]
const { Hl7Server } = require('@medplum/hl7');

const mode = process.argv[2] || 'AA';
new Hl7Server((connection) => {
  connection.addEventListener('message', ({ message }) => {
    const field = (segment, f, c) => message.getSegment(segment)?.getComponent(f, c);
    tell({
      type: `${field('MSH', 9, 1)}^${field('MSH', 9, 2)}`, control_id: field('MSH', 10, 1), patient_id: field('PID', 3, 1), patient_name: field('PID', 5, 1),
      visit: field('PV1', 19, 1), document_number: field('TXA', 12, 1), status: field('TXA', 17, 1), segments: message.segments.map((s) => s.name),
      texts: message.segments.filter((s) => s.name === 'OBX').map((s) => s.getField(5).toString()),
    });
    if (mode !== 'enhanced') connection.send(message.buildAck({ ackCode: mode }));
  });
}).start(1, 'utf-8', mode === 'enhanced');
