/**
 * Unknown recipients and full mailboxes in the languages that mail servers and carriers still answer in. Carriers of one country
 * write to their own users, so these come mostly in bounces, seldom in live replies.
 */
import type { ReplyRule } from './reply-rules.ts';

const providers = 'any';

export const LANGUAGE_RULES: readonly ReplyRule[] = [
  {
    id: 'full-germanic',
    providers,
    pattern:
      /(postfach|speicher(platz)?|mailbox|postkasse|postvak|brevl[aå]da|innboks).{0,60}(voll|überschritten|ueberschritten|erschöpft|full|vol\b|fyldt|överfull)/i,
    class: 'mailbox-full',
    scope: 'recipient',
    example: '552 Das Postfach des Empfängers ist voll',
  },
  {
    id: 'full-romance',
    providers,
    pattern:
      /(bo[iî]te|messagerie|buz[oó]n|casilla|caixa|casella|cuota|cota|espacio|espaço|quota).{0,60}(pleine?|satur|dépass|depass|llen[oa]|excedid|superad|chei[ao]|lotad|pien[ao]|superat|esaurit|agotad)/i,
    class: 'mailbox-full',
    scope: 'recipient',
    example: '552 5.1.1 Boite du destinataire pleine. OFR_417 [417]',
  },
  {
    id: 'full-other',
    providers,
    pattern:
      /(ящик|квот|skrzynk|schránk).{0,60}(переполнен|превыш|заполнен|pełn|przepełn|plná)|(メールボックス|容量|受信箱|受信ボックス).{0,40}(一杯|いっぱい|超過|超え|不足|上限|満杯)|(邮箱|信箱|郵箱|空间|空間|容量|配额).{0,30}(已满|已滿|满了|不足|超出|超过|超限|用尽)|(용량|메일함|편지함|저장).{0,20}(초과|가득|부족)/i,
    class: 'mailbox-full',
    scope: 'recipient',
    example: '550 用户邮箱空间不足',
  },
  {
    id: 'unknown-germanic',
    providers,
    pattern:
      /(benutzer|empf(ä|ae)nger|postfach|adresse|konto|teilnehmer|gebruiker|ontvanger|mottagare|modtager|bruker).{0,60}(unbekannt|existiert nicht|nicht (gefunden|vorhanden|bekannt|existent|erreichbar)|ungültig|ungueltig|gesperrt|onbekend|bestaat niet|niet gevonden|finns inte|okänd|findes ikke|ukjent|ukendt)|unbekannte[rn]? (benutzer|empf)|(onbekende|okänd|ukendt|ukjent) (gebruiker|ontvanger|geadresseerde|mottagare|mottaker|användare|adress|bruger|modtager|bruker)/i,
    class: 'recipient',
    scope: 'recipient',
    example: '550 Der Empfänger ist hier nicht bekannt: Benutzer unbekannt',
  },
  {
    id: 'unknown-french',
    providers,
    pattern:
      /(utilisateur|destinataire|adresse|bo[iî]te|compte|usager|abonné).{0,60}(inconnue?|invalide|inexistante?|n.existe (pas|plus)|introuvable|d[eé]sactiv|suspendu|ferm[eé])/i,
    class: 'recipient',
    scope: 'recipient',
    example: '550 5.1.1 Adresse d au moins un destinataire invalide. OFR_416 [416]',
  },
  {
    id: 'unknown-iberian',
    providers,
    pattern:
      /(usu[aá]rio|destinat[aá]rio|buz[oó]n|cuenta|direcci[oó]n|persona|caixa|conta|endere[cç]o|cliente).{0,60}(desconoc|desconhec|no existe|n[aã]o (existe|encontrad|foi encontrad)|inexistente|inv[aá]lid|no encontrad|deshabilitad|desativad|inactiv|inativ|suspend|bloquead|errat|err[oó]ne)|no existe (dicha|ese|el|la|este|un)/i,
    class: 'recipient',
    scope: 'recipient',
    example: '550 El destinatario no existe en este servidor',
  },
  {
    id: 'unknown-italian',
    providers,
    pattern:
      /(utente|destinatari[oa]|indirizzo|casella|destin\.).{0,60}(sconosciut|inesistente|non (esist|trovat|valid|abilit)|disat+ivat|disabilitat|errato|sospes)/i,
    class: 'recipient',
    scope: 'recipient',
    example: '550 Indirizzo di posta inesistente',
  },
  {
    id: 'unknown-slavic',
    providers,
    pattern:
      /(użytkownik|adresat|odbiorc|konto|skrzynk|adres|uživatel|schránk|felhasználó).{0,60}(nieznan|nie istnieje|zablokowan|nieaktywn|neexistuje|neznám|nem létezik)|nie ma takiego|(пользовател|получател|адрес|ящик|абонент|уч[её]тн).{0,60}(не (найден|существует|зарегистрирован)|неизвест|заблокирован|отключ|удал[её]н)|нет такого (пользователя|адреса)/i,
    class: 'recipient',
    scope: 'recipient',
    example: '550 Пользователь не найден',
  },
  {
    id: 'unknown-asian',
    providers,
    pattern:
      /(宛先|あて先|送信先|受信者|メールアドレス|ユーザー?|アドレス).{0,40}(存在しません|見つかりません|ありません|不明|存在しない|見つからない|確認できません)|ディレクトリ.{0,20}ありません|(用户|用戶|收件人|帐号|賬號|账号|帳號|邮箱|信箱|地址|使用者).{0,30}(不存在|未找到|无法找到|找不到|無效|无效|被禁用|已停用|不正确|未激活|冻结|已注销|被封)|查[无無]此人|[无無]此(用户|使用者|用戶)|(수신자|사용자|계정|주소|받는 사람|아이디).{0,30}(없|존재하지|찾을 수|휴면|해지|정지)/i,
    class: 'recipient',
    scope: 'recipient',
    example: '550 用户不存在',
  },
];
