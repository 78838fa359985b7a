"""Names of months and halves of the day in the languages in which programs write dates."""

from __future__ import annotations

# Twelve names a language; a name may have several forms, joined by "|". Compared without case and full stop.
_NAMES = {
    "en": "jan|january feb|february mar|march apr|april may jun|june jul|july aug|august "
    "sep|sept|september oct|october "
    "nov|november dec|december",
    "de": "jan|januar|jän|jänner feb|februar|feber mär|mrz|märz|maerz apr|april mai jun|juni "
    "jul|juli aug|august "
    "sep|sept|september okt|oktober nov|november dez|dezember",
    "fr": "janv|janvier fév|févr|février|fev|fevr|fevrier mars avr|avril mai juin juil|juillet "
    "aoû|août|aout|aou "
    "sept|septembre oct|octobre nov|novembre déc|décembre|decembre",
    "es": "ene|enero feb|febrero mar|marzo abr|abril may|mayo jun|junio jul|julio ago|agosto "
    "sep|sept|septiembre|set|setiembre oct|octubre nov|noviembre dic|diciembre",
    "it": "gen|gennaio feb|febbraio mar|marzo apr|aprile mag|maggio giu|giugno lug|luglio "
    "ago|agosto set|sett|settembre "
    "ott|ottobre nov|novembre dic|dicembre",
    "pt": "jan|janeiro fev|fevereiro mar|março|marco abr|abril mai|maio jun|junho jul|julho "
    "ago|agosto set|setembro "
    "out|outubro nov|novembro dez|dezembro",
    "nl": "jan|januari feb|februari mrt|maart apr|april mei jun|juni jul|juli aug|augustus "
    "sep|september okt|oktober "
    "nov|november dec|december",
    "sv": "jan|januari feb|februari mars apr|april maj juni juli aug|augusti sep|september "
    "okt|oktober nov|november "
    "dec|december",
    "da": "jan|januar feb|februar mar|marts apr|april maj juni juli aug|august sep|september "
    "okt|oktober nov|november "
    "dec|december",
    "nb": "jan|januar feb|februar mar|mars apr|april mai juni juli aug|august sep|september "
    "okt|oktober nov|november "
    "des|desember",
    "fi": "tammi|tammik|tammikuu|tammikuuta helmi|helmik|helmikuu|helmikuuta "
    "maalis|maalisk|maaliskuu|maaliskuuta "
    "huhti|huhtik|huhtikuu|huhtikuuta touko|toukok|toukokuu|toukokuuta kesä|kesäk|kesäkuu|kesäkuuta "
    "heinä|heinäk|heinäkuu|heinäkuuta elo|elok|elokuu|elokuuta syys|syysk|syyskuu|syyskuuta "
    "loka|lokak|lokakuu|lokakuuta marras|marrask|marraskuu|marraskuuta joulu|jouluk|joulukuu|joulukuuta",
    "pl": "sty|styczeń|stycznia lut|luty|lutego mar|marzec|marca kwi|kwiecień|kwietnia maj|maja "
    "cze|czerwiec|czerwca "
    "lip|lipiec|lipca sie|sierpień|sierpnia wrz|wrzesień|września paź|październik|października "
    "lis|listopad|listopada "
    "gru|grudzień|grudnia",
    "cs": "led|leden|ledna úno|únor|února bře|březen|března dub|duben|dubna kvě|květen|května "
    "čvn|červen|června "
    "čvc|červenec|července srp|srpen|srpna zář|září říj|říjen|října lis|listopad|listopadu "
    "pro|prosinec|prosince",
    "sk": "jan|január|januára feb|február|februára mar|marec|marca apr|apríl|apríla máj|mája "
    "jún|júna júl|júla "
    "aug|august|augusta sep|september|septembra okt|október|októbra nov|november|novembra "
    "dec|december|decembra",
    "hu": "jan|január febr|február márc|március ápr|április máj|május jún|június júl|július aug|augusztus "
    "szept|szeptember okt|október nov|november dec|december",
    "ro": "ian|ianuarie feb|februarie mar|martie apr|aprilie mai iun|iunie iul|iulie aug|august "
    "sept|septembrie "
    "oct|octombrie nov|noi|noiembrie dec|decembrie",
    "tr": "oca|ocak şub|şubat mar|mart nis|nisan may|mayıs haz|haziran tem|temmuz ağu|ağustos "
    "eyl|eylül eki|ekim "
    "kas|kasım ara|aralık",
    "ru": "янв|январь|января фев|февр|февраль|февраля мар|март|марта апр|апрель|апреля май|мая июн|июнь|июня "
    "июл|июль|июля авг|август|августа сен|сент|сентябрь|сентября окт|октябрь|октября ноя|нояб|ноябрь|ноября "
    "дек|декабрь|декабря",
    "uk": "січ|січень|січня лют|лютий|лютого бер|березень|березня квіт|кві|квітень|квітня "
    "трав|тра|травень|травня "
    "черв|чер|червень|червня лип|липень|липня серп|сер|серпень|серпня вер|вересень|вересня "
    "жовт|жов|жовтень|жовтня "
    "лист|листопад|листопада груд|гру|грудень|грудня",
    "bg": "яну|януари февр|февруари март апр|април май юни юли авг|август сеп|септ|септември "
    "окт|октомври ное|ноем|ноември "
    "дек|декември",
    "el": "ιαν|ιανουάριος|ιανουαρίου φεβ|φεβρουάριος|φεβρουαρίου μαρ|μάρ|μάρτιος|μαρτίου "
    "απρ|απρίλιος|απριλίου "
    "μαΐ|μάι|μαϊ|μάιος|μαΐου ιουν|ιούν|ιούνιος|ιουνίου ιουλ|ιούλ|ιούλιος|ιουλίου αυγ|αύγ|αύγουστος|αυγούστου "
    "σεπ|σεπτέμβριος|σεπτεμβρίου οκτ|οκτώβριος|οκτωβρίου νοε|νοέ|νοέμβριος|νοεμβρίου "
    "δεκ|δεκέμβριος|δεκεμβρίου",
    "ca": "gen|gener febr|febrer març abr|abril maig juny jul|juliol ag|agost set|setembre "
    "oct|octubre nov|novembre "
    "des|desembre",
    "id": "jan|januari feb|februari mar|maret apr|april mei jun|juni jul|juli agu|agt|agustus "
    "sep|september okt|oktober "
    "nov|november des|desember",
    "he": "ינו|ינואר פבר|פברואר מרץ|מרס אפר|אפריל מאי יוני יולי אוג|אוגוסט ספט|ספטמבר אוק|אוקטובר נוב|נובמבר דצמ|דצמבר",
    "ar": "يناير فبراير مارس أبريل|ابريل مايو يونيو يوليو أغسطس|اغسطس سبتمبر أكتوبر|اكتوبر نوفمبر ديسمبر",
    "hi": "जन॰|जन|जनवरी फ़र॰|फ़र|फ़रवरी मार्च अप्रैल मई जून जुल॰|जुल|जुलाई अग॰|अग|अगस्त "
    "सित॰|सित|सितंबर अक्टू॰|अक्टू|अक्टूबर नव॰|नव|नवंबर दिस॰|दिस|दिसंबर",
    "th": "ม.ค|มกราคม ก.พ|กุมภาพันธ์ มี.ค|มีนาคม เม.ย|เมษายน พ.ค|พฤษภาคม มิ.ย|มิถุนายน ก.ค|กรกฎาคม "
    "ส.ค|สิงหาคม "
    "ก.ย|กันยายน ต.ค|ตุลาคม พ.ย|พฤศจิกายน ธ.ค|ธันวาคม",
}
MONTHS = {
    form.casefold(): number
    for names in _NAMES.values()
    for number, forms in enumerate(names.split(), start=1)
    for form in forms.split("|")
}
# Forms before noon and after; without case, blanks and full stops.
_HALVES = (
    "a am π\u03bc 上午 午前 오전 凌晨 早上 清晨 vorm öö de ap fm sa ص पूर्वाह्न",
    "p pm \u03bc\u03bc 下午 午後 오후 中午 晚上 傍晚 nachm ös du ip em ch م अपराह्न",
)
HALVES = {form: half for half, forms in zip("ap", _HALVES, strict=True) for form in forms.split()}


def month(name: str) -> int | None:
    """The number of a month's name, 1 to 12; None if the word is not one."""
    found = MONTHS.get(name)
    return found if found is not None else MONTHS.get(name.casefold().rstrip(".").replace("i\u0307", "i"))


def half(written: str) -> str:
    """ "a" before noon, "p" after, "" where the text is neither."""
    return HALVES.get("".join(written.casefold().replace(".", "").split()), "")
