/**
 * What reports say of themselves: the words by which a bounce, a delay, an automatic answer or a challenge is known.
 * Data, in the languages people really get. Every pattern is bounded: reports are written by strangers.
 */

/** The recipient, for good. */
export const FAILED =
  /(could ?n[o']t|can ?not|can't|unable to|was ?n[o']t|were not|not (be )?|did not|failed to) (be |get )?(fully )?(deliver|reach|sen[dt]\b|transmit|process)|undeliver|non-?deliver|del[ie]ver[yi].{0,60}(fail|abort|impossible|unsuccessful|not possible)|fail(ed|ure).{0,40}(deliver|recipient|address|notice)|had (permanent|fatal|delivery|transient)|(permanent|fatal) (error|failure)|delivery (error|problem|difficult|notification|status)|return(ed|ing) (mail|message|to (sender|you))|(address|recipient)(es|s|\(es\)|\(s\))? (below )?(failed|rejected|could|had|was|were|did)|was (automatically )?rejected|been rejected|rejected (by|for|your|recipient)|not recognized|had trouble delivering|no such (user|person|address)|(user|recipient|mailbox|address|host|domain) (is )?(unknown|not found|full|unavailable|does not)|unknown (user|recipient|host|address)|mailbox (is )?full|over ?quota|invalid (final delivery )?(user|userid|recipient|address|mailbox)|does not (exist|like recipient)|exceeds? allowed size|error.{0,40}(deliver|recipient|send)|failure reasons|could not (find|connect)|did not (exactly )?match|been returned|incorrectly constructed|encountered (an |the )?(error|deliver)|not listed in|returned (below|unsent)/i;

const FAILED_ELSEWHERE =
  /nicht (zugestellt|zustellbar|ausgeliefert|übermittelt)|unzustellbar|zustellung.{0,40}(fehl|nicht)|konnte.{0,60}nicht|n['’]a (pas|pu).{0,40}(remis|distribu|délivr|livr|achemin|envoy)|non (remis|distribué|délivr)|impossible de (remettre|livrer|distribuer)|échec|no (se )?(ha |pudo|puede|pudimos|fue).{0,40}(entreg|envi)|no entregad|error (al|en la) entreg|não (foi|pôde|pode|entreg).{0,40}(entreg|envi|poss)?|falha (na|de|ao)|impossibile|mancat[ao] (recapito|consegna)|non (è stato|recapitat|consegnat)|niet (worden )?(bezorg|afgelever|besteld)|onbestelbaar|nie (może|mógł|mogła|został|udało).{0,40}(dostarcz|doręcz|wysł)|не (может|может быть|могло|удалось|было|был).{0,40}достав|недоставлен|не доставлен|送信でき|配信でき|配送でき|届けでき|送信エラー|配信エラー|エラーのため|配信に失敗|未配信|存在しません|見つかりません|リストにありません|无法(投递|送达|发送|送)|退信|投递失败|被退回|無法(投遞|傳送|送達|遞送|寄)|退回|(전송|전달|배달).{0,12}(못|실패|않|없)|반송|kunde inte levereras|kunne ikke leveres|ei voitu toimittaa|nelze doručit|nebyla? doručen|(ne)?(podařilo|bylo možné) (se )?doručit|nedoruč|nepodarilo doručiť|kézbesít|teslim edil|iletilem|gönderilem|nu a (putut|fost).{0,30}(livrat|trimi)|nelivrat|nije (isporuč|dostav)|ni bilo mogoče dostaviti|не беше доставен|не вдалося доставити|не може бути доставлен|δεν (ήταν δυνατή|παραδόθηκε|μπόρεσε)|tidak (dapat|bisa|berhasil) (di)?(kirim|sampaikan)|tidak terkirim|gagal (di)?kirim|không (thể )?(gửi|chuyển)|ไม่สามารถ(ส่ง|จัดส่ง)|(تعذر|فشل|لم يتم) (تسليم|إرسال|توصيل)|לא נמסר|לא ניתן למסור/i;

export function saysFailed(text: string): boolean {
  return FAILED.test(text) || FAILED_ELSEWHERE.test(text);
}

/** Only late so far. */
export const DELAYED =
  /\b(delay(ed)?|deferred)\b|not (yet )?been (able to )?deliver|has not yet been|(still|yet) (being )?(retried|queued|undelivered|trying)|will (continue|keep|be) (to )?(try|retr|attempt)|attempts? (to deliver.{0,60})?will (continue|be made)|warning.{0,20}(message|only|just)|just a warning|(no action is|not need to (do anything|take any action|resend))|postponed|could not send (message )?for (the )?past|temporar(y|ily).{0,40}(problem|fail|unable)|verzöger|retard(é|ée|ada)?\b|retrasad|atrasad|遅延|遅れて|задерж/i;

/** Said only while a system still tries, whatever its subject says. */
export const STILL_TRYING =
  /attempts will continue|will (continue to|keep) (try|attempt|be (re)?tri)|will be retried|just a warning|warning (message )?only|not need to resend|advisory-only/i;

/** It was only late, and now it is given up: stands against DELAYED. */
export const GIVEN_UP =
  /permanent|giving up|given up|fatal|failed permanently|will not (be )?(re)?tr|not going to try|no further|too long|expired|returned to sender|could not be delivered (for|within)|has been removed from the queue|timeout exceeded|\bblocked by (our|the|a|your)\b/i;

export const FAILURE_SUBJECT =
  /undeliver|returned? (mail|message|to sender|email)|mail (delivery|system|could|failure|error|returned|not)|deliver(y|able)? (status|fail|notif|problem|report|error|has|unsuccess|delay|attempt)|fail(ed|ure) (notice|delivery|mail|notification)|non.?deliver|not (be )?delivered|(can ?not|can't|could ?n[o']t|unable to) (be )?(send|sent|deliver)|message (status|delay|not|undeliver|could|rejected|bounced|frozen)|warning: |delayed? mail|bounced? (mail|message)|rejected:|(user|host|recipient|address|mailbox) (unknown|not found|error|full|unavailable|disabled)|unknown (user|recipient|address)|^(NDN|DSN|NDR)\b|error (sending|delivering|condition)|smtp error|problem (delivering|with your)|mail failed|unzustellbar|nicht zugestellt|zustellung|konnte nicht|non remis|non distribu|échec|no entregad|no se pudo|devuelto|devolvid|não entregue|falha|mancat|impossibile|onbestelbaar|niet bezorgd|недоставлен|не доставлен|配信|配送|送信|未達|エラー|退信|投递失败|退件|반송|olevererbar|전송 ?실패|발송 ?실패|배달 ?실패|전달 ?실패|no se puede|no (se )?entreg|niet (worden )?bezorgd|niet afgelever|kon niet|iletilem|teslim edilem|gönderilem|zwrot|niedostarcz|nie (można|udało|może).{0,20}dostarcz|nedoruč|kunde inte|kunne ikke|toimitta|kézbesít|nelivrat|doručen|не вдалося|tidak terkirim|gagal (di)?kirim|không (thể )?gửi|ไม่สามารถส่ง|تعذر|فشل|لم يتم تسليم|לא נמסר/i;

/** Names and addresses that mail systems report under. Newsletters have some of them, too ("Mail Service"). */
export const DAEMON =
  /mailer[-_ ]?daemon|mail[-_ ]?daemon|\bpost[-_. ]?(master|office)|\bmdaemon|(mail|message|mailer|e-?mail)[ _-](delivery|router|transport|processor|transfer)|delivery (sub)?system|(mail|email|message)[ _-](admin|administrator|server|system|daemon|gateway|service|security|failure)|system administrator|system attendant|delivery (status|notification|service|report|agent)|\bmmdf\b|\binterscan\b|mailmarshal|mail ?sweeper|mailgate|microsoft ?exchange|microsoft outlook|^smtp|smtp[ _-]?(gateway|agent|mail)|internet mail|mxlogic|mail-?returned|noreply.{0,30}(dsn|bounce)|sysadmin@|\bnetmail|mail ?system|メール(配信|送信)?(システム|サーバ)|(邮件|郵件)(系统|系統)|系统(管理|退信)/i;

/** Those that nobody else writes under: believed even where the headers of a list stand in the report. */
export const DAEMON_ALONE =
  /mailer[-_ ]?daemon|mail[-_ ]?daemon|\bpost[-_. ]?master|\bmdaemon|(mail )?delivery (sub)?system|(mail|system) administrator|mail system error/i;

/** Openers that only mail software writes. Tested against the first lines of a report. */
export const OPENER =
  /^[-\s*=|<]{0,80}(hi[.!] this is the|this is the (mail|delivery|deliver|machine|postfix|qmail|email|smtp|dragonfly)|this (message|mail|e-?mail|report) (was|is|has been) (created|generated|an auto|sent auto|auto)|this is an? (auto|delivery|mime-enc|advisory|failure)|a message (that you sent|you sent|could|from)|your (message|mail|e-?mail|original)\b|the (following|original|message|e-?mail|mail|recipient|user|attached|address)\b|message (from|could|to|delivery|was)\b|mail (to|could|delivery)\b|unable to deliver|delivery (to|has|of|failed|failure|status)|sorry|we('re| are| were| had)|unfortunately|did not reach|error|undeliver|unknown user|user mailbox|failed (to|recipient)|could not deliver|failure|i('m| am) (sorry|afraid)|transcript|diagnos|dies ist|diese |ihre |la (remise|livraison)|votre |ce message|su (mensaje|correo)|este (mensaje|é|es)|sua mensagem|il (suo |tuo )?messaggio|lo siento|次の|指定|お客様|このメール|以下|您|抱歉|很抱歉|죄송)/i;

/** Openers that stand over reports alone: believed even where the headers of the returned mail were copied to the report. */
export const UNMISTAKABLE =
  /^[-\s*=|]{0,40}(hi[.!] this is the (qmail|deliver)|this is the (mail system|mail delivery agent|postfix program|mailer-daemon)|this (message|mail) was created automatically by mail|(non-?|mail )?delivery (failure )?report|the following addresses had (permanent|transient|delivery)|failed recipients|votre message n.a pas pu|your (message|mail) could not be delivered to\b)/i;

/** Where a report ends and the message it returns begins. A whole line. */
export const RETURNED =
  /^[-=*_|#<>\s]{0,90}(this is a copy of (the|your) (original )?(message|mail)[^\n]{0,60}|below (this line|the next line) is a copy|below is a copy of|(the )?original (mail|e-?mail|message)( \(?(as|header|text|with|attached|below|follow)[^\n]{0,60})?|(start of )?(the )?returned (message|mail)( follows)?|unsent message( (follows|below))?|message (header|text|body|source|content|contents|copy)s?( of| follows?|:)[^\n]{0,60}|message headers?|(here is|this is) (your|the) returned mail|your (original )?(message|mail|e-?mail) (follows|reads|is (attached|below|returned)|was)( \([^\n]{0,80})?|old message|(the |a )?(headers?|copy|text|beginning|first \d+ lines|body) of (the |your )?(original |undelivered |rejected )?(message|mail|e-?mail)[^\n]{0,60}|a copy of the (original )?(message|mail)[^\n]{0,60}|included is a copy[^\n]{0,60}|undelivered message|non-?delivered message|original message (headers?|follows)|transmitted message|ursprüngliche nachricht|mensaje original|message (d'origine|original)|mensagem original|原始邮件|元のメッセージ)[-=*_|#<>.:\s]{0,90}$/i;
