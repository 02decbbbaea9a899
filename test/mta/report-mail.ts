/** Reports as providers and mail servers send them, for tests: abuse reports (RFC 5965) and bounces (RFC 3464). */

export interface Original {
  readonly trace?: string | null;
  readonly messageId?: string;
}

function headersOf(original: Original): string[] {
  return [
    ...(original.trace ? [`X-Rampart-Trace: ${original.trace}`] : []),
    ...(original.messageId ? [`Message-ID: ${original.messageId}`] : []),
    'From: a@shop.example',
    'Subject: hello',
  ];
}

/** An abuse report about a message with these headers; `fields` are added to its machine-readable part. */
export function abuseReport(original: Original, fields: readonly string[] = [], from = 'fbl@provider.example'): string {
  const typed = fields.some((field) => /^Feedback-Type:/i.test(field));
  return [
    `From: <${from}>`,
    'Subject: Abuse report',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=feedback-report; boundary=b',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    'An abuse report.',
    '--b',
    'Content-Type: message/feedback-report',
    '',
    ...(typed ? [] : ['Feedback-Type: abuse']),
    'User-Agent: test/1',
    'Version: 1',
    ...fields,
    '--b',
    'Content-Type: text/rfc822-headers',
    '',
    ...headersOf(original),
    '--b--',
    '',
  ].join('\r\n');
}

export interface Failure {
  readonly recipient: string;
  readonly action: 'failed' | 'delayed';
  readonly status: string;
  readonly diagnostic: string;
}

/** A delivery status notification about these recipients. */
export function bounceMail(failures: readonly Failure[], original: Original = {}): string {
  return [
    'From: Mail Delivery System <mailer-daemon@provider.example>',
    'Subject: Undelivered Mail Returned to Sender',
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
    '',
    '--b',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    'I am sorry to have to inform you that your message could not be delivered.',
    '',
    '--b',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.provider.example',
    '',
    ...failures.flatMap((one) => [
      `Final-Recipient: rfc822; ${one.recipient}`,
      `Action: ${one.action}`,
      `Status: ${one.status}`,
      `Diagnostic-Code: smtp; ${one.diagnostic}`,
      '',
    ]),
    '--b',
    'Content-Type: text/rfc822-headers',
    '',
    ...headersOf(original),
    '',
    '--b--',
    '',
  ].join('\r\n');
}
