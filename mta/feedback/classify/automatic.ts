/** Automatic mail that is no bounce: vacation notices (RFC 3834), read receipts (RFC 8098), challenges to the sender. */
import { type Fields, field } from './headers.ts';

/** Set by responders, never by mail systems about a delivery. */
const REPLY_FIELDS = [
  'x-autoreply',
  'x-autorespond',
  'x-autoresponder',
  'x-autoreply-from',
  'x-mail-autoreply',
  'x-auto-reply',
  'x-auto-responder',
  'x-vacation',
  'x-vacation-message',
  'x-ms-exchange-inbox-rules-loop',
  'x-amazon-auto-reply',
];

const REPLY_SUBJECT =
  /^(\[[^\]]{1,40}\] ?|\[)?(auto(matic|mated|matische|matiskt?|matisch)?[- ]?(re:|reply|response|respuesta|antwort|antwoord|svar|vastaus)|auto(reply|-?responder|re|-?antwort)?:|automati(c:|sche[rs]? |skt |sk |ická |kus )|automatyczna odp|out of (the )?office|out-of-office|ooo\b|away from|i am (away|out|on)|on (vacation|holiday|leave|maternity)|vacation|abwesen|ich bin (nicht|im urlaub|abwesend)|réponse automatique|absence|absent|je suis absent|respuesta autom|respuesta de|resposta autom|risposta autom|fuera de|ausente|ausência|fora do escrit|ausencia|fuori (sede|ufficio)|afwezig|autosvar|autovastaus|frånvaro|fravær|poissa|nieobecno|autoodpowied|odpowiedź autom|automatická|mimo kancel|automatikus|házon kívül|отсутств|автоответ|автоматический ответ|不在|自動(返信|応答|回復|回覆)|自动(回复|答复)|외출|부재|자동 ?(회신|응답)|otomatik|ofis dışında|תשובה אוטומטית)/i;

/** An answer that a program gave for its owner. */
export function isAutoReply(fields: Fields): boolean {
  if (/^\s*auto-(replied|notified)/i.test(field(fields, 'auto-submitted'))) return true;
  if (/auto[-_ ]?(reply|replied|response)/i.test(`${field(fields, 'precedence')} ${field(fields, 'x-precedence')}`))
    return true;
  if (
    /autoresponder|auto-?reply|out of office/i.test(
      `${field(fields, 'delivered-to')} ${field(fields, 'x-post-messageclass')}`,
    )
  )
    return true;
  if (REPLY_FIELDS.some((name) => fields.has(name) && !/^(no|false|0)$/i.test(field(fields, name)))) return true;
  return hasReplySubject(fields);
}

export function hasReplySubject(fields: Fields): boolean {
  return REPLY_SUBJECT.test(field(fields, 'subject').trim());
}

const CHALLENGER =
  /@([\w-]{1,60}\.)?(boxbe|spamarrest|mailblocks|spamlion|bluebottle|choicemail|sendio|mailinblack|knowspam|matador|digiportal|uolantispam|antispam\.uol)\b|antispam\.?uol|via boxbe/i;
const CHALLENGE_SUBJECT =
  /(please|kindly).{0,40}(confirm|verify|authenticate)|(verif(y|ication)|confirm(ation)?|authori[sz]ation|authenticat\w{1,5}|approval).{0,40}(required|request|needed|pending|your (e-?mail|message|identity)|sender)|your (message|e-?mail|mail).{0,60}(await|requires|pending|held|needs|waitlisted|quarantine)|action required.{0,30}(deliver|mail|message)|sender (verif|authent|approv|confirm)|spam ?blocker|challenge|are you human|\(verify\)|confirm (your )?(message|mail|delivery|e-?mail to)|respond to (deliver|confirm)/i;
const CHALLENGE_BODY =
  /spam ?arrest|boxbe|\btmda\b|mailblocks|spam ?blocker|challenge.{0,3}response|guest list|waitlisted|approved sender|allowed senders|sender (has not been|is not|not yet).{0,30}(verified|approved|confirmed|recogni)|(to|must|need to) (confirm|verify|prove|authenticate).{0,80}(human|person|sender|message|yourself|identity)|(click|follow|visit|repl(y|ying)|respond).{0,160}(release|deliver|approve|confirm|verify|authenticate).{0,60}(message|mail|sender|delivery)?|(address )?added to (my|the|our|.{1,40}'s) .{0,20}(allow(ed)?|white|safe|approved|guest)[- ]?(list|sender)|only (need|have) to do this once|one[- ]time (verification|confirmation|process)|protect(s|ed|ing)? .{0,60}(from|against) (spam|junk|unsolicited)/i;
/** A newsletter's double opt-in, an order or an account asks to confirm, too; it answers no mail of ours. */
const OTHER_CONFIRMATION =
  /subscri|newsletter|account|regist|order|booking|appointment|reservation|password|sign.?(up|in)|log.?in|payment|invoice/i;

/** The same in other languages: what is asked for, and that a message of ours waits for it. */
const CHALLENGE_ELSEWHERE =
  /bestätig|verifizier|confirm(ez|er|ar|e|ação|ación)\b|vérifi|autentic|conferm|verific|bekräft|bekræft|potwierd|potvrď|подтверд|確認|确认|確認|인증|onayla/i;
const WAITS_ELSEWHERE =
  /(ihre|deine|votre|vos|tu|su|sua|seu|il (suo|tuo)|la (sua|tua)|ditt?|twoj\w{1,2}|ваше|あなたの|您的) .{0,40}(nachricht|e-?mails?|mail|message|courriel|mensaje|correo|mensagem|messaggio|meddelande|wiadomoś|письмо|сообщение|メール|邮件|郵件).{0,120}(noch nicht|zurückgehalten|wartet|en attente|bloqu|retenu|retenid|pendiente|aguard|pendente|in attesa|trattenut|väntar|oczekuj|ожидает|задержан|保留|等待)/i;
const CONFIRMATION_ELSEWHERE =
  /anmeld|konto|bestell|e-?mail-?adresse|adresse (e-?mail|électronique|mail)|correo electrónico|indirizzo|endereço|адрес|アドレス|邮箱|registr|inscri|abonn|compte|commande|suscri|cuenta|pedido|cadastr|conta\b|iscri|ordin|account|zamów|rejestr|подпис|регистр|заказ|登録|注文|注册|订单/i;

/** A challenge in the form of a DSN: its diagnostic, or its header, says that the sender shall prove himself. */
export function isChallengeReport(fields: Fields, statuses: readonly string[]): boolean {
  if (statuses.length === 0) return false;
  const diagnosed = /^diagnostic-code[ \t]{0,5}:[ \t]{0,5}x-boxbe-notice\b/im;
  return fields.has('x-boxbe-notice') || statuses.some((status) => diagnosed.test(status));
}

/** Does the message ask its reader to prove that a person sent what it answers? */
export function isChallenge(fields: Fields, body: string): boolean {
  const subject = field(fields, 'subject');
  if (fields.has('x-tmda-confirm') || fields.has('x-spamarrest') || fields.has('x-boxbe')) return true;
  const head = body.slice(0, 6_000).replace(/\s+/g, ' ');
  const from = `${field(fields, 'from')} ${field(fields, 'sender')} ${field(fields, 'return-path')}`;
  if (CHALLENGER.test(from)) return CHALLENGE_BODY.test(head) || CHALLENGE_SUBJECT.test(subject);
  if (OTHER_CONFIRMATION.test(subject) || fields.has('list-unsubscribe') || fields.has('list-id')) return false;
  if (CHALLENGE_SUBJECT.test(subject) && CHALLENGE_BODY.test(head)) return true;
  if (CONFIRMATION_ELSEWHERE.test(subject)) return false;
  return CHALLENGE_ELSEWHERE.test(subject) && WAITS_ELSEWHERE.test(head) && CHALLENGE_ELSEWHERE.test(head);
}
