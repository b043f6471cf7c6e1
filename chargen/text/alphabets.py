"""Which characters languages use, from the most to the least frequent.

The lists decide between encodings in which the same bytes are different characters. They contain
only characters beyond ASCII, in lower case.
"""

from __future__ import annotations

# Loan words and names in a text that is almost all ASCII, such as English.
LOANS = "éèêçàïöüñâôáäíóûëæîœåøú"

LATIN = {
    "French": "éàèêçôûùâîœïëüæÿ",
    "German": "üäößéàè",
    "Spanish": "óíáéñúü¿¡ªº",
    "Catalan": "àóéíèòçúïü·",
    "Portuguese": "ãçáéóíêõúâôàü",
    "Italian": "àèùòìéíó",
    "Dutch": "ëéïóöüèêá",
    "Danish": "åøæéöäàèêôóü",
    "Swedish": "äöåéüàè",
    "Icelandic": "áðíþéóúöýæ",
    "Estonian": "äõüöšž",
    "Polish": "ąęłóżśćńź",
    "Czech": "íáéěřýčžšůúňťďó",
    "Slovak": "áíéčžšýúľťňôóďäĺŕ",
    "Hungarian": "áéőöóíüúűä",
    "Croatian": "čšžćđ",
    "Romanian": "ăîșțâşţ",
    "Latvian": "āīēšūžņļčķģ",
    "Lithuanian": "ėųšžįąūčę",
    "Turkish": "ıüşğçöİâîû",
    "Esperanto": "ĉŝĝŭĵĥ",
    "Albanian": "ëç",
}

SCRIPTS = {
    "Russian": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
    "Ukrainian": "оаинвіретсклудмпяьзбгчйхцєжїшющґф",
    "Bulgarian": "аиоентрсвлкдпмзгъубячщцжйхшюфь",
    "Serbian": "аоиенрсјтувкдмлпгзбчњшцжћхљђфџ",
    "Belarusian": "аніеоркыслтдвяпмугзьбчхшцйюэўжфё",
    "Greek": "αοιετσνηυρπκλμςωίάόγέδήθχφύβώξζψϊϋΐΰ",
    "Hebrew": "יוהלארתבשמנכעדחפקםגצטסזןץךף",
    "Arabic": "اليمنروتبهعسدفكقحجشطصخذضزثغةىأإءآئؤظ،؟ـ",
    "Thai": "านรกอเงมยวลตทสดปคหพบ่้ัีิ์ะึแขจใไืุูช็ำโผธถศณซภญฉฟฮฝฐษฏ",
}

# The most frequent ones of thousands. Verse has other ones than prose: the last 16 of the Chinese
# lists are those of classical poetry.
EAST_ASIAN = {
    "Chinese (simplified)": (
        "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行"
        "所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实"
        "花春风月无何处相水归日山千香清长"
    ),
    "Chinese (traditional)": (
        "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作里用道行"
        "所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實"
        "花春風月無何處相水歸日山千香清長"
    ),
    "Japanese": (
        "のいるしたとにはてをがかなでらすれもっこまりきうそあくさえよけどつおめせちやみわんだばずびじゅょ"
        "ーンスルトリアイクラレタシロマテフジドコカサデ"
        "日一国人年大十二本中長出三時行見月分後前生間上東今金入学高子外下来気小山話女書先名川水半男語"
    ),
    "Korean": (
        "이다는을의에가고하지어기사로은를리자서도한나대그인시라아만있해수니들정게스일보면원여구부제전상선용주장"
    ),
}
