/**
 * The phrases of the built-in copy generator in one language. `{title}`, `{brand}` and `{price}`
 * stand for facts of the product; a phrase that needs a missing fact is not used. At least three
 * headlines and two subheadlines need only the title. Labels have at most 30 characters. No phrase
 * claims anything that the page may not say.
 */
export interface Phrases {
  /** The locale for `Intl.Segmenter`. */
  readonly language: string;
  readonly labels: readonly string[];
  readonly headlines: readonly string[];
  readonly subheadlines: readonly string[];
}

const TITLE = ['{title}', '{brand}: {title}'];

const PHRASES = {
  en: [
    ['Shop now', 'See the details', 'Get yours', 'Take a closer look', 'Discover more', 'Order now'],
    ['Discover {title}', 'Your next favorite: {title}', 'Take a look: {title}', '{title} for {price}'],
    ['Just one click away.', 'By {brand}.', 'All the details at a glance.', 'Now for {price}.'],
  ],
  de: [
    ['Jetzt kaufen', 'Mehr erfahren', 'Zum Angebot', 'Details ansehen', 'Jetzt entdecken', 'Jetzt bestellen'],
    ['Jetzt entdecken: {title}', 'Ihr neuer Favorit: {title}', 'Im Blick: {title}', '{title} für {price}'],
    ['Nur einen Klick entfernt.', 'Von {brand}.', 'Alle Details auf einen Blick.', 'Jetzt für {price}.'],
  ],
  fr: [
    ['Acheter', 'En savoir plus', "J'en profite", 'Voir les détails', 'Découvrir', 'Commander'],
    ['À découvrir : {title}', 'Votre coup de cœur : {title}', 'Zoom sur : {title}', '{title} à {price}'],
    ["À portée d'un clic.", 'Par {brand}.', "Tous les détails en un coup d'œil.", 'Au prix de {price}.'],
  ],
  es: [
    ['Comprar ahora', 'Ver detalles', 'Lo quiero', 'Saber más', 'Descubrir', 'Pedir ahora'],
    ['Descubre {title}', 'Tu próximo favorito: {title}', 'Échale un vistazo: {title}', '{title} por {price}'],
    ['A un solo clic.', 'De {brand}.', 'Todos los detalles de un vistazo.', 'Ahora por {price}.'],
  ],
  it: [
    ['Acquista ora', 'Vedi i dettagli', 'Lo voglio', 'Scopri di più', 'Scopri ora', 'Ordina ora'],
    ['Scopri {title}', 'Il tuo prossimo preferito: {title}', 'Da vedere: {title}', '{title} a {price}'],
    ['A portata di clic.', 'Di {brand}.', "Tutti i dettagli a colpo d'occhio.", 'Ora a {price}.'],
  ],
  nl: [
    ['Koop nu', 'Bekijk details', 'Naar het product', 'Lees meer', 'Ontdek nu', 'Bestel nu'],
    ['Ontdek {title}', 'Je nieuwe favoriet: {title}', 'Bekijk nu: {title}', '{title} voor {price}'],
    ['Slechts één klik verwijderd.', 'Van {brand}.', 'Alle details in één oogopslag.', 'Nu voor {price}.'],
  ],
  pt: [
    ['Comprar agora', 'Ver detalhes', 'Eu quero', 'Saber mais', 'Descobrir', 'Pedir agora'],
    ['Descubra: {title}', 'O seu próximo favorito: {title}', 'Em destaque: {title}', '{title} por {price}'],
    ['À distância de um clique.', 'De {brand}.', 'Todos os detalhes num relance.', 'Agora por {price}.'],
  ],
  pl: [
    ['Kup teraz', 'Zobacz szczegóły', 'Wybieram', 'Dowiedz się więcej', 'Odkryj', 'Zamów teraz'],
    ['Odkryj: {title}', 'Twój nowy ulubieniec: {title}', 'Zobacz: {title}', '{title} za {price}'],
    [
      'Wystarczy jedno kliknięcie.',
      'Marka: {brand}.',
      'Wszystkie szczegóły w jednym miejscu.',
      'Cena: {price}.',
    ],
  ],
  cs: [
    ['Koupit', 'Zobrazit detaily', 'To chci', 'Zjistit více', 'Objevit', 'Objednat'],
    ['Objevte: {title}', 'Váš nový favorit: {title}', 'Podívejte se: {title}', '{title} za {price}'],
    ['Stačí jedno kliknutí.', 'Značka: {brand}.', 'Všechny podrobnosti na jednom místě.', 'Nyní za {price}.'],
  ],
  sv: [
    ['Köp nu', 'Se detaljer', 'Till produkten', 'Läs mer', 'Upptäck mer', 'Beställ nu'],
    ['Upptäck {title}', 'Din nya favorit: {title}', 'Ta en titt: {title}', '{title} för {price}'],
    ['Bara ett klick bort.', 'Från {brand}.', 'Alla detaljer på ett ställe.', 'Nu för {price}.'],
  ],
  da: [
    ['Køb nu', 'Se detaljer', 'Til produktet', 'Læs mere', 'Udforsk nu', 'Bestil nu'],
    ['Oplev {title}', 'Din nye favorit: {title}', 'Tag et kig: {title}', '{title} til {price}'],
    ['Kun ét klik væk.', 'Fra {brand}.', 'Alle detaljer på ét sted.', 'Nu til {price}.'],
  ],
  ja: [
    ['今すぐ購入', '詳細を見る', '手に入れる', 'もっと知る', 'チェックする', '注文する'],
    ['注目の「{title}」', '次のお気に入りに：{title}', 'ご覧ください：{title}', '{title}（{price}）'],
    ['クリックするだけ。', '{brand}の商品です。', '詳細をひと目で。', '価格は{price}。'],
  ],
} as const satisfies Record<string, readonly [readonly string[], readonly string[], readonly string[]]>;

/** The languages of the built-in copy generator. */
export const OFFLINE_LANGUAGES = Object.keys(PHRASES) as (keyof typeof PHRASES)[];

/**
 * Returns the phrases for a locale as pages write it (`de-AT`, `pt_BR`), or the English ones for
 * other languages.
 */
export function findPhrases(locale: string): Phrases {
  const wanted = locale.trim().toLowerCase().split(/[-_]/)[0];
  const language = OFFLINE_LANGUAGES.find((known) => known === wanted) ?? 'en';
  const [labels, headlines, subheadlines] = PHRASES[language];
  return { language, labels, headlines: [...TITLE, ...headlines], subheadlines };
}
